#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Holds a running desk against its OpenAPI document (python3-jsonschema: draft 2020-12, which OpenAPI 3.1 speaks).

    openapi.py sound SOCKET                        references, schemas and examples of the document
    openapi.py play SOCKET STORY [--record]        plays the examples in order: each reply is the one of the example
    openapi.py refuse SOCKET                       what the document does not allow is refused, by the field's name
    openapi.py replies SOCKET RECORDED             replies other tests have recorded are as the document says

Tokens come in the environment: TOKEN_ana and so on; "admin" is the Unix user. Whatever does not hold is printed, a line
each, and the exit status is 1.

Schemas are read more strictly than clients read them: a member that the document does not have is a fault.
"""
import copy
import http.client
import json
import os
import re
import socket
import sys
from datetime import datetime

from jsonschema import Draft202012Validator, FormatChecker

faults = []
formats = FormatChecker(["date"])


@formats.checks("date-time", raises=ValueError)
def is_instant(value):
    return not isinstance(value, str) or (value.endswith("Z") and bool(datetime.fromisoformat(value[:-1] + "+00:00")))


def fault(text):
    faults.append(text)
    print(text[:600])


# ---- talking -----------------------------------------------------------------------------------------------------------


class Connection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("turno", timeout=20)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(20)
        self.sock.connect(self.path)


def token_of(who):
    return None if who == "admin" else os.environ["TOKEN_" + who]


def ask(path, who, method, target, body=None, key=None, stream=False):
    """Status, type, text, and for a stream the open connection, which ends with its object."""
    c = Connection(path)
    head = {}
    if token_of(who):
        head["Authorization"] = "Bearer " + token_of(who)
    if key:
        head["Idempotency-Key"] = key
    if stream:
        head["Accept"] = "text/event-stream"
    data = None
    if body is not None:
        head["Content-Type"] = "application/json"
        data = json.dumps(body, ensure_ascii=False).encode()
    c.request(method, target, data, head)
    r = c.getresponse()
    kind = (r.headers["Content-Type"] or "").split(";")[0]
    if kind == "text/event-stream":
        text = ""
        while not text.endswith("\n\n") or "data:" not in text:
            text += r.readline().decode()
            text = re.sub(r"^:.*\n\n?", "", text, flags=re.M)
        return r.status, kind, text, (c, r)
    return r.status, kind, r.read().decode(), None


# ---- the document ------------------------------------------------------------------------------------------------------


class Document:
    def __init__(self, doc):
        self.doc = doc
        strict = {"components": copy.deepcopy(doc["components"]), "loose": copy.deepcopy(doc["components"]["schemas"])}
        self.close(strict["components"])
        self.strict = strict

    def close(self, node):
        """Objects have no members but those named. Parts of an allOf stay as they are, closed together."""
        if isinstance(node, list):
            for x in node:
                self.close(x)
        elif isinstance(node, dict):
            for part in node.get("allOf", []):
                if "$ref" in part:
                    part["$ref"] = part["$ref"].replace("#/components/schemas/", "#/loose/")
            if "allOf" in node:
                node["unevaluatedProperties"] = False
                return
            if "properties" in node and "additionalProperties" not in node:
                node["additionalProperties"] = False
            for x in node.values():
                self.close(x)

    def resolve(self, node):
        while "$ref" in node:
            node = self.at(node["$ref"])
        return node

    def at(self, ref):
        node = self.doc
        for word in ref[2:].split("/"):
            node = node[word.replace("~1", "/")]
        return node

    def errors(self, schema, value, strict=True):
        whole = {"components": self.doc["components"]}
        if strict:
            schema = copy.deepcopy(schema)
            self.close(schema)
            whole = dict(self.strict)
        whole["allOf"] = [schema]
        return [
            "%s: %s" % ("/".join(map(str, e.absolute_path)) or "the whole", e.message[:300])
            for e in Draft202012Validator(whole, format_checker=formats).iter_errors(value)
        ]

    def operations(self):
        for path, methods in self.doc["paths"].items():
            for method, op in methods.items():
                yield path, method, op

    def find(self, method, target):
        path = target.split("?")[0]
        for known, methods in self.doc["paths"].items():
            if re.fullmatch(known.replace("{id}", "[1-9][0-9]*"), path) and method.lower() in methods:
                return methods[method.lower()]
        return None

    def judge(self, what, method, target, status, kind, text):
        """A reply against what the document says of it."""
        op = self.find(method, target)
        if op is None:
            if status not in (404, 405):
                fault(f"{what}: not in the document")
            return
        reply = op["responses"].get(str(status))
        if reply is None:
            fault(f"{what}: status {status} is not in the document: {text[:200]}")
            return
        content = self.resolve(reply).get("content")
        if content is None or not text:
            if text or content:
                fault(f"{what}: status {status}, {'with' if text else 'without'} a body")
            return
        if kind not in content:
            fault(f"{what}: status {status} with type '{kind}'")
        elif kind == "text/event-stream":
            for event, value in events(text):
                schema = content[kind]["x-events"].get(event)
                if schema is None:
                    fault(f"{what}: event '{event}' is not in the document")
                else:
                    for e in self.errors(schema, value):
                        fault(f"{what}: event '{event}': {e}")
        elif kind.endswith("json"):
            for e in self.errors(content[kind]["schema"], json.loads(text)):
                fault(f"{what}: status {status}: {e}")


def events(text):
    for block in filter(None, text.split("\n\n")):
        lines = dict(line.split(": ", 1) for line in block.split("\n"))
        yield lines["event"], json.loads(lines["data"])


def fetch(path):
    status, kind, text, _ = ask(path, "admin", "GET", "/v1/openapi.json")
    if status != 200:
        raise SystemExit(f"GET /v1/openapi.json: status {status}, {text}")
    return Document(json.loads(text))


def walk(node, path="#"):
    yield path, node
    if isinstance(node, dict):
        for k, v in node.items():
            yield from walk(v, f"{path}/{k}")
    elif isinstance(node, list):
        for i, v in enumerate(node):
            yield from walk(v, f"{path}/{i}")


def check_document(d):
    ids = [op["operationId"] for _, _, op in d.operations()]
    for twice in {i for i in ids if ids.count(i) > 1}:
        fault(f"operationId '{twice}' is there twice")
    used = set()
    for path, node in walk(d.doc):
        if isinstance(node, dict) and isinstance(node.get("$ref"), str):
            try:
                d.at(node["$ref"])
                used.add(node["$ref"])
            except (KeyError, ValueError):
                fault(f"{path}: '{node['$ref']}' leads nowhere")
    for kind in ("schemas", "parameters", "headers"):
        for name, schema in d.doc["components"][kind].items():
            if f"#/components/{kind}/{name}" not in used:
                fault(f"components/{kind}/{name} is not used")
            if kind == "schemas":
                Draft202012Validator.check_schema(schema)
    for path, method, op in d.operations():
        places = [("request", op.get("requestBody", {}))]
        places += [(status, d.resolve(reply)) for status, reply in op["responses"].items()]
        for where, place in places:
            for kind, content in place.get("content", {}).items():
                for name, example in content.get("examples", {}).items():
                    if kind.endswith("json"):
                        for e in d.errors(content["schema"], example["value"]):
                            fault(f"{method} {path}, {where}, example '{name}': {e}")


# ---- the story -----------------------------------------------------------------------------------------------------------

VARIES = [  # what is another one each time
    (r'\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?Z', "AN-INSTANT"),
    (r'\d{4}-\d\d-\d\d \d\d:\d\d UTC', "AN-INSTANT"),
    (r'"(\d+\.|q)\d+\.\d+"', '"A-CURSOR"'),
    (r'^id: .*$', "id: A-CURSOR"),
    (r'turno_[A-Za-z0-9_-]{43}', "A-SECRET"),
    (r'"(op|sha256)": "[0-9a-f]+"', r'"\1": "HEX"'),
    (r'"created_by": "\w+"', '"created_by": "THE-UNIX-USER"'),
    (r'"key": \d+', '"key": A-KEY'),
    (r'"((?:[a-z0-9_]*_)?(?:seconds|share|oldest_open|mean|median|p90|max|ratio_[a-z0-9]+|max_ratio|distance))": (-?[\d.e-]+|null)', r'"\1": A-FIGURE'),
    (r'(?<![\d-])\d+ (d|h|min|s)\b( \d+ (h|min)\b)?', "SO-LONG"),
]


def constant(value):
    if isinstance(value, dict) and "by_holder" in value:  # the one with the largest share is the first
        value = {**value, "by_holder": sorted(value["by_holder"], key=lambda h: (h["holder"], h["label"]))}
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, indent=1)
    for pattern, word in VARIES:
        text = re.sub(pattern, word, text, flags=re.M)
    return text


def differs(told, got):
    a, b = constant(told).split("\n"), constant(got).split("\n")
    for x, y in zip(a, b):
        if x != y:
            return f"{y.strip()} where the example has {x.strip()}"
    return f"{len(b)} lines where the example has {len(a)}"


def play(path, file, record):
    d = fetch(path)
    steps = json.load(open(file))
    streams = []
    for step in steps:
        method, target = step["request"].split(" ", 1)
        what = f"example '{step['name']}', {step['request']}"
        stream = step.get("stream", False)
        status, kind, text, open_stream = ask(path, step["as"], method, target, step.get("body"), step.get("key"), stream)
        if open_stream:
            streams.append(open_stream)  # an offer goes back when its stream ends
        got = text if not kind.endswith("json") else json.loads(text)
        d.judge(what, method, target, status, kind, text)
        if record:
            step["status"] = status
            if step.get("shape") or not text:
                step.pop("reply", None)
            elif "reply" not in step or constant(step["reply"]) != constant(got):
                step["reply"] = got
            continue
        if status != step["status"]:
            fault(f"{what}: status {status}, the example has {step['status']}: {text[:300]}")
        elif "reply" in step and constant(got) != constant(step["reply"]):
            fault(f"{what}: {differs(step['reply'], got)}")
    if record:
        with open(file, "w") as out:
            lines = ",\n".join("  " + json.dumps(s, ensure_ascii=False) for s in steps)
            lines = re.sub(r"turno_[A-Za-z0-9_-]{43}", "turno_" + "A" * 43, lines)  # secrets are nobody's to see
            lines = re.sub(r'"created_by": "\w+"', '"created_by": "root"', lines)
            out.write("[\n" + lines + "\n]\n")


# ---- what is refused -------------------------------------------------------------------------------------------------------


def wrong_values(d, schema):
    """Values the schema does not allow, for a property or a parameter's text."""
    schema = d.resolve(schema)
    choices = [d.resolve(s) for s in schema.get("oneOf", [schema])]
    kinds = {k for c in choices for k in ([c["type"]] if isinstance(c.get("type"), str) else c.get("type", []))}
    for value, kind in ((7, "integer"), ("text", "string"), ([7], "array"), ({"a": 7}, "object")):
        if kind not in kinds:
            yield value
    for c in choices:
        if "enum" in c:
            yield "no-such-word"
        if "maxLength" in c:
            yield "x" * (c["maxLength"] + 1)
            yield "\a"
        if c.get("minLength"):
            yield ""
        if "maximum" in c:
            yield c["maximum"] + 1
        if "minimum" in c:
            yield c["minimum"] - 1
        if "maxItems" in c:
            yield ["x"] * (c["maxItems"] + 1)


def refuse_body(d, path, target, op):
    content = op["requestBody"]["content"]["application/json"]
    schema = d.resolve(content["schema"])
    if "oneOf" in schema:
        schema = d.resolve(schema["oneOf"][0])
    good = next((e["value"] for e in content.get("examples", {}).values() if isinstance(e["value"], dict)), {})
    tries = [({**good, "unheard_of": 1}, "unheard_of")]
    tries += [({k: v for k, v in good.items() if k != name}, name) for name in schema.get("required", [])]
    for name, prop in schema["properties"].items():
        tries += [({**good, name: value}, name) for value in wrong_values(d, prop)]
    for body, field in tries:
        status, _, text, _ = ask(path, "admin", "POST", target, body)
        if status != 422 or json.loads(text).get("field") != field:
            fault(f"POST {target}: '{field}' of {json.dumps(body)[:200]} is not refused: {status} {text[:200]}")
    return len(tries)


def refuse_query(d, path, target, op):
    n = 0
    for p in map(d.resolve, op.get("parameters", [])):
        if p["in"] != "query":
            continue
        for value in wrong_values(d, d.resolve(p["schema"]).get("items", p["schema"])):
            if isinstance(value, (str, int)) and value != "text" and value != 7 and value != "":
                n += 1
                status, _, text, _ = ask(path, "admin", "GET", f"{target}?{p['name']}={value}")
                if status != 422 or json.loads(text).get("field") != p["name"]:
                    fault(f"GET {target}?{p['name']}={value} is not refused: {status} {text[:200]}")
        limit = d.resolve(p["schema"]).get("maximum")
        if limit:
            status, _, text, _ = ask(path, "admin", "GET", f"{target}?{p['name']}={limit}")
            if status not in (200, 404) and (status != 422 or json.loads(text).get("field") == p["name"]):
                fault(f"GET {target}?{p['name']}={limit} is refused: {status} {text[:200]}")
    status, _, text, _ = ask(path, "admin", "GET", f"{target}?unheard_of=1")
    if status != 422 or json.loads(text).get("field") != "unheard_of":
        fault(f"GET {target}?unheard_of=1 is not refused: {status} {text[:200]}")
    return n


def refuse(path):
    d = fetch(path)
    n = 0
    for known, method, op in d.operations():
        target = known.replace("{id}", "1")
        if "requestBody" in op:
            n += refuse_body(d, path, target, op)
        if method == "get":
            n += refuse_query(d, path, target, op)
    if n < 100:
        fault(f"only {n} tries were made")


def replies(path, file):
    d = fetch(path)
    n = 0
    for line in open(file, encoding="utf-8", errors="replace"):
        method, target, status, kind, text = line.rstrip("\n").split("\t", 4)
        d.judge(f"{method} {target}", method, target, int(status), kind.split(";")[0], text)
        n += 1
    if n == 0:
        fault("no replies were recorded")


def main(verb, path, *more):
    if verb == "sound":
        d = fetch(path)
        check_document(d)
    elif verb == "play":
        play(path, more[0], "--record" in more)
    elif verb == "refuse":
        refuse(path)
    elif verb == "replies":
        replies(path, more[0])
    else:
        raise SystemExit(__doc__)
    return 1 if faults else 0


sys.exit(main(*sys.argv[1:]))
