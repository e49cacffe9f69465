// SPDX-License-Identifier: MIT
//
// What other software does with a client that was made from GET /v1/openapi.json: it hands a request in, reads it, works on
// it, and tells errors apart by their types. Lines under @ts-expect-error must not compile: the types would be worth nothing
// otherwise. Speaks TAP; TURNO_URL, SHOP and AGENT (tokens) are given.

import createClient from "openapi-fetch";
import type { components, paths } from "./turno.js";

type State = components["schemas"]["State"];

const url = process.env["TURNO_URL"]!;
const as = (token: string) =>
    createClient<paths>({
        baseUrl: url,
        headers: { Authorization: `Bearer ${token}` },
        querySerializer: { array: { style: "form", explode: false } }, // a list with commas; this client does not ask the document
    });
const shop = as(process.env["SHOP"]!);
const agent = as(process.env["AGENT"]!);

let cases = 0;
function ok(sentence: string, holds: boolean, ...seen: unknown[]): void {
    cases++;
    console.log(`${holds ? "ok" : "not ok"} ${cases} - ${sentence}`);
    if (!holds) console.log("# " + JSON.stringify(seen));
}

// ---- a request -----------------------------------------------------------------------------------------------------------

const request = { subject: "Where is order 4711?", body: "It was promised for Monday." };
const key = { header: { "Idempotency-Key": "client-1" } };
const first = await shop.POST("/v1/tickets", { params: key, body: request });
ok("a request is handed in", first.response.status === 201, first.data, first.error);
const again = await shop.POST("/v1/tickets", { params: key, body: request });
const submitted = first.data && "ticket" in first.data ? first.data : undefined;
const repeated = again.data && "ticket" in again.data ? again.data : undefined;
ok("… once, however often it is sent", repeated?.repeated === true && repeated.ticket === submitted?.ticket, again.data);
const id = submitted!.ticket;

const shown = await shop.GET("/v1/tickets/{id}", { params: { path: { id } } });
const state: State | undefined = shown.data?.state;
ok("it is read", state === "queued" && shown.data?.subject === request.subject, shown.data);

const page = await agent.GET("/v1/tickets", { params: { query: { queue: "frontdesk", state: ["queued", "held"], limit: 10 } } });
ok("and listed, by states as a list", page.data?.tickets.some((t) => t.ticket === id && t.class === "external") === true, page);

// ---- errors, by their types ------------------------------------------------------------------------------------------------

const empty = await shop.POST("/v1/tickets", { body: { subject: "" } });
ok("what is wrong is named", empty.error?.status === 422 && empty.error.code === "invalid" && empty.error.field === "subject", empty.error);
const nobody = await as("turno_forged").GET("/v1/whoami");
ok("who is not known is told so", nobody.error?.status === 401 && nobody.error.code === "unauthorized", nobody.error);
const none = await shop.GET("/v1/tickets/{id}", { params: { path: { id: 999999 } } });
ok("what is not there is not found", none.error?.status === 404 && none.error.code === "not-found", none.error);

const next = await agent.POST("/v1/next", { body: {} });
const claim = next.data && typeof next.data === "object" ? next.data : undefined;
ok("an agent gets it", claim?.ticket === id && claim.state === "held", next.data, next.error);
const path = { id };
await shop.POST("/v1/tickets/{id}/message", { params: { path }, body: { body: "It is urgent by now." } });
const reply = { epoch: claim!.epoch, seen: 0, body: "It leaves today." };
const late = await agent.POST("/v1/tickets/{id}/reply", { params: { path }, body: reply });
let news: string | undefined;
if (late.error?.status === 409 && late.error.code === "news") {
    news = late.error.messages?.[0]?.body;
}
ok("a reply that missed a message brings it", news === "It is urgent by now.", late.error);
const seen = await agent.GET("/v1/tickets/{id}", { params: { path } });
const sent = await agent.POST("/v1/tickets/{id}/reply", { params: { path }, body: { ...reply, seen: seen.data!.seen } });
ok("… and is accepted once it was read", sent.data?.state === "parked" && sent.data.park === "customer", sent.data, sent.error);

// ---- what does not compile ---------------------------------------------------------------------------------------------------

export const never = [
    // @ts-expect-error a request needs a subject
    () => shop.POST("/v1/tickets", { body: { body: "no subject" } }),
    // @ts-expect-error there is no such priority
    () => agent.POST("/v1/tickets", { body: { subject: "x", priority: "now" } }),
    // @ts-expect-error a reply needs the epoch of the hold
    () => agent.POST("/v1/tickets/{id}/reply", { params: { path }, body: { body: "x" } }),
    // @ts-expect-error there is no such parameter
    () => agent.GET("/v1/tickets", { params: { query: { colour: "red" } } }),
    // @ts-expect-error there is no such route
    () => agent.GET("/v1/colours"),
    // @ts-expect-error a state is never that
    () => state === "lost",
];

console.log(`1..${cases}`);
