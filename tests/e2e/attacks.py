# SPDX-License-Identifier: MIT
"""Everything that is known to have broken an HTTP server, and what has broken desks, against a real turnod, on its Unix
socket and on TCP. Each attack says what must come back and whether the connection goes on; behind many of them lies a
request that would hand in a ticket if the daemon read the bytes another way. At the end nothing may be stored.

All of it is done three times, with bounds for memory that hold for any number of times. Prints a table of attacks."""
import json
import random
import sys
import threading

from raw import Closed, Raw, Tap, TOKENS, call, figure, is_ready, memory_kb, request, stored, until

H = "Host: turno\r\n"
A = f"Authorization: Bearer {TOKENS['acme']}\r\n"
J = "Content-Type: application/json\r\n"
POST = "POST /v1/tickets HTTP/1.1\r\n" + H + A + J
GET = "GET /v1/whoami HTTP/1.1\r\n" + H + A
TICKET = '{"subject":"smuggled"}'
HIDDEN = POST + f"Content-Length: {len(TICKET)}\r\n\r\n{TICKET}"  # whoever reads it as a request stores a ticket
CHUNKED = POST + "Transfer-Encoding: chunked\r\n\r\n"
TE, CL = "Transfer-Encoding", "Content-Length"
PAGE = "page"  # for a code: refused too, but on a path for browsers
GROWTH_KB = 8192   # a kilobyte for each of the identities that are remembered, refused ones too (MEMORY_MAX of person.c)
CEILING_KB = 40960  # DESIGN section 7 with 10,000 connections: attacked, it is no larger


def shut(status, code, field=None):
    """Refused, and the connection with it: whatever lies behind is not looked at."""
    return status, code, field, True


def kept(status, code, field=None):
    """Refused, but understood: the next request is served."""
    return status, code, field, False


BAD = shut(400, "syntax")


def bad(field):
    return shut(400, "syntax", field)


def lengths():
    for name, value in (("blank", ""), ("sign +", "+5"), ("sign -", "-5"), ("-0", "-0"), ("list", "5, 5"), ("list of different ones", "5,6"),
                        ("hexadecimal", "0x5"), ("blank within", "5 5"), ("fraction", "5.0"), ("exponent", "1e1"), ("text", "five"),
                        ("19 digits", "1" * 19), ("beyond 64 bits", "18446744073709551621"), ("beyond 64 bits, negative", "-18446744073709551611"),
                        ("quoted", '"5"'), ("parameter", "5;x=1"), ("Arabic digits", "\u0665"), ("underscore", "1_0")):
        yield f"{CL} {name}", POST + f"{CL}: {value}\r\n\r\n{{}}\r\n\r\n" + HIDDEN, bad(CL)
    yield f"{CL} twice, equal", POST + f"{CL}: 2\r\n{CL}: 2\r\n\r\n{{}}" + HIDDEN, bad(CL)
    yield f"{CL} twice, different", POST + f"{CL}: 2\r\n{CL}: 40\r\n\r\n{{}}" + HIDDEN, bad(CL)
    yield f"{CL} twice, spelt differently", POST + f"{CL}: 2\r\ncontent-length: 40\r\n\r\n{{}}" + HIDDEN, bad(CL)
    yield f"{CL} with NUL", POST + f"{CL}: 2\0 0\r\n\r\n{{}}" + HIDDEN, BAD
    yield f"{CL} of a GET, hiding a request", GET + f"{CL}: {len(HIDDEN)}\r\n\r\n" + HIDDEN, kept(400, "syntax")
    yield "GET whose body another server would not read", GET + "\r\n", (200, None, None, False)


def encodings():
    both = f"{CL}: 5\r\n"
    yield "CL.TE", POST + both + f"{TE}: chunked\r\n\r\n0\r\n\r\n" + HIDDEN, bad(CL)
    yield "TE.CL", POST + f"{TE}: chunked\r\n{CL}: 4\r\n\r\n5c\r\n{HIDDEN}\r\n0\r\n\r\n", bad(CL)
    yield "TE.0", "OPTIONS /v1/tickets HTTP/1.1\r\n" + H + f"{TE}: chunked\r\n\r\n" + f"{len(HIDDEN):x}\r\n{HIDDEN}\r\n0\r\n\r\n", kept(405, "method")
    yield "CL.0", "POST /v1/nowhere HTTP/1.1\r\n" + H + f"{CL}: {len(HIDDEN)}\r\n\r\n" + HIDDEN, kept(404, "not-found")
    yield "TE.TE, equal", POST + f"{TE}: chunked\r\n{TE}: chunked\r\n\r\n0\r\n\r\n" + HIDDEN, bad(TE)
    yield "TE.TE, one is no encoding", POST + both + f"{TE}: chunked\r\n{TE}: x\r\n\r\n0\r\n\r\n" + HIDDEN, bad(TE)
    yield "TE.TE, spelt differently", POST + f"{TE}: chunked\r\ntransfer-encoding: identity\r\n\r\n0\r\n\r\n" + HIDDEN, bad(TE)
    for value in ("xchunked", "chunkedx", "chunked, chunked", "chunked, identity", "identity, chunked", "identity", "gzip, chunked", "gzip",
                  "chunked;q=1", '"chunked"', "'chunked'", "chunked,", ",chunked", "chun ked", "chunked\tx", "cow", "", "chun\u212aed", "0"):
        yield f"{TE}: {value!r}", POST + both + f"{TE}: {value}\r\n\r\n0\r\n\r\n" + HIDDEN, bad(TE)
    for name, line in (("blank before the colon", f"{TE} : chunked\r\n"), ("tab before the colon", f"{TE}\t: chunked\r\n"),
                       ("line begins with a blank", f" {TE}: chunked\r\n"), ("line begins with a tab", f"\t{TE}: chunked\r\n"),
                       ("folded", f"{TE}:\r\n chunked\r\n"), ("vertical tab", f"{TE}: \x0bchunked\r\n"), ("form feed", f"{TE}: chunked\x0c\r\n"),
                       ("NUL behind", f"{TE}: chunked\0\r\n"), ("NUL in the name", "Transfer\0-Encoding: chunked\r\n"), ("DEL", f"{TE}: chunked\x7f\r\n"),
                       ("behind a bare LF", f"X: x\n{TE}: chunked\r\n"), ("behind a bare CR", f"X: x\r{TE}: chunked\r\n"),
                       ("behind CR CR LF", f"X: x\r\r\n{TE}: chunked\r\n"), ("high byte in the name", "Transfer\xad-Encoding: chunked\r\n"),
                       ("no-break space behind the name", f"{TE}\xa0: chunked\r\n"), ("no colon", f"{TE} chunked\r\n"),
                       ("two colons", f"{TE}:: chunked\r\n")):
        yield f"{TE}, {name}", POST + both + line + "\r\n0\r\n\r\n" + HIDDEN, bad(TE) if name == "two colons" else BAD
    yield "an underscore is no hyphen: the length counts", POST + both + "Transfer_Encoding: chunked\r\n\r\n0\r\n\r\n", kept(400, "syntax")
    yield f"{TE} of HTTP/1.0", HIDDEN.replace("1.1", "1.0", 1).replace(f"{CL}:", f"{TE}: chunked\r\nX:", 1), bad(TE)


def chunks():
    for name, data in (("a sign", "+5\r\nhello\r\n0\r\n\r\n"), ("0x", "0x5\r\nhello\r\n0\r\n\r\n"), ("a blank before", " 5\r\nhello\r\n0\r\n\r\n"),
                       ("a blank behind", "5 \r\nhello\r\n0\r\n\r\n"), ("a tab behind", "5\t;x\r\nhello\r\n0\r\n\r\n"), ("no digits", "\r\nhello\r\n0\r\n\r\n"),
                       ("only an extension", ";x\r\nhello\r\n0\r\n\r\n"), ("bare LF behind the size", "5\nhello\r\n0\r\n\r\n"),
                       ("bare CR behind the size", "5\rXhello\r\n0\r\n\r\n"), ("bare LF behind the data", "5\r\nhello\n0\r\n\r\n"),
                       ("bare LF in an extension", "5;a\nb\r\nhello\r\n0\r\n\r\n"), ("bare CR in an extension", "5;a\rb\r\nhello\r\n0\r\n\r\n"),
                       ("NUL in an extension", "5;a\0b\r\nhello\r\n0\r\n\r\n"), ("more data than said", "5\r\nhello!\r\n0\r\n\r\n"),
                       ("an extension without end", "5;" + "x" * 200 + "\r\nhello\r\n0\r\n\r\n"), ("no line end behind the last", "0\r\nX"),
                       ("trailers", "0\r\nX: y\r\n\r\n"), ("a trailer that is a framing header", f"0\r\n{CL}: 5\r\n\r\n"),
                       ("a request as trailer", f"0\r\n{HIDDEN}"), ("underscore", "1_0\r\nhello\r\n0\r\n\r\n"), ("a comma", "5,5\r\nhello\r\n0\r\n\r\n")):
        yield f"chunk, {name}", CHUNKED + data + HIDDEN, BAD
    for name, size in (("size of 2^64+5", "10000000000000005"), ("size of 2^32+5", "100000005"), ("size behind 100 zeros", "0" * 100 + "5"),
                       ("size beyond the limit", "100001"), ("size negative as int32", "ffffffff"), ("size negative as int64", "f" * 16)):
        yield f"chunk, {name}", CHUNKED + size + "\r\nhello\r\n0\r\n\r\n" + HIDDEN, shut(413, "too-large")
    yield "chunks of one byte, a body that is no JSON", CHUNKED + "1\r\n{\r\n" * 300 + "0\r\n\r\n", kept(400, "syntax")
    yield "chunk extensions are passed over", CHUNKED + "2;a=\"b\";c\r\n{}\r\n0;z\r\n\r\n", kept(422, "invalid", "subject")


def lines():
    for name, text in (("bare LF throughout", GET.replace("\r\n", "\n") + "\n"), ("bare LF behind the request line", GET.replace("\r\n", "\n", 1) + "\r\n"),
                       ("bare LF at the end", GET + "\n"), ("LF CR", GET.replace("\r\n", "\n\r") + "\n\r"), ("CR only", GET.replace("\r\n", "\r") + "\r"),
                       ("bare CR in a value", GET + "X: a\rb\r\n\r\n"), ("folded", GET + "X: a\r\n b\r\n\r\n"), ("folded by a tab", GET + "X: a\r\n\tb\r\n\r\n"),
                       ("no colon", GET + "X\r\n\r\n"), ("no name", GET + ": x\r\n\r\n"), ("blank before the colon", GET + "X : a\r\n\r\n"),
                       ("blank in the name", GET + "X y: a\r\n\r\n"), ("NUL in a name", GET + "X\0: a\r\n\r\n"), ("NUL in a value", GET + "X: a\0b\r\n\r\n"),
                       ("high byte in a name", GET + "X\xff: a\r\n\r\n"), ("UTF-8 in a name", GET + "\xc3\xa9: a\r\n\r\n"),
                       ("parenthesis in a name", GET + "X(: a\r\n\r\n"), ("ESC in a value", GET + "X: \x1b[2J\r\n\r\n"), ("BEL in a value", GET + "X: \x07\r\n\r\n"),
                       ("DEL in a value", GET + "X: \x7f\r\n\r\n"), ("empty line first", "\r\n" + GET + "\r\n"), ("blank first", " " + GET + "\r\n"),
                       ("byte order mark first", "\xef\xbb\xbf" + GET + "\r\n")):
        yield f"line, {name}", text + HIDDEN, BAD
    yield "high bytes in a value are only text", GET + "X: \xff\xfe\xc3\xa9\r\n\r\n", (200, None, None, False)


def first_lines():
    for text in ("GET\r\n\r\n", "GET /v1\r\n\r\n", "GET /v1 \r\n\r\n", "GET /v1 HTTP\r\n\r\n", "GET /v1 HTTP/1\r\n\r\n", "GET /v1 HTTP/1.\r\n\r\n",
                 f"GET /v1 HTTP/0.9\r\n{H}\r\n", f"GET /v1 HTTP/1.2\r\n{H}\r\n", f"GET /v1 HTTP/1.10\r\n{H}\r\n", f"GET /v1 HTTP/2.0\r\n{H}\r\n",
                 f"GET /v1 HTTP/3\r\n{H}\r\n", f"GET /v1 http/1.1\r\n{H}\r\n", f"GET /v1 HTTP/+1.1\r\n{H}\r\n", f"GET /v1 HTTP/1.1 \r\n{H}\r\n",
                 f"GET /v1 HTTPS/1.1\r\n{H}\r\n", f"GET  /v1 HTTP/1.1\r\n{H}\r\n", f"GET /v1  HTTP/1.1\r\n{H}\r\n", f"GET\t/v1 HTTP/1.1\r\n{H}\r\n",
                 f"GET /v1 /v2 HTTP/1.1\r\n{H}\r\n", f"GET /v1\0 HTTP/1.1\r\n{H}\r\n", f"GET /v1\x7f HTTP/1.1\r\n{H}\r\n", f"GET /v1\xff HTTP/1.1\r\n{H}\r\n",
                 f"G(T /v1 HTTP/1.1\r\n{H}\r\n", f"{'G' * 33} /v1 HTTP/1.1\r\n{H}\r\n", f"G\0T /v1 HTTP/1.1\r\n{H}\r\n",
                 "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03", "PROXY TCP4 10.0.0.1 10.0.0.2 1 2\r\n" + GET + "\r\n",
                 "\r\n\r\n\0\r\nQUIT\n" + GET, "SSH-2.0-OpenSSH_9.2\r\n", "EHLO evil\r\nMAIL FROM:<x>\r\n\r\n", "*1\r\n$4\r\nPING\r\n", "\0\0\0\x08\x04\xd2\x16\x2f",
                 "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"):
        yield f"first line {text[:36]!r}", text + HIDDEN, BAD


def hosts():
    line = "GET /v1/whoami HTTP/1.1\r\n" + A
    yield "Host missing", line + "\r\n" + HIDDEN, bad("Host")
    yield "Host twice, equal", line + H + H + "\r\n" + HIDDEN, bad("Host")
    yield "Host twice, different", line + H + "host: evil\r\n\r\n" + HIDDEN, bad("Host")
    yield "Host behind a blank", line + H + " Host: evil\r\n\r\n" + HIDDEN, BAD
    yield "Host before the colon a blank", line + "Host : turno\r\n\r\n" + HIDDEN, BAD
    for value in ("a b", "a,b", "user@turno", "turno/v1", "turno?x", "turno#x", "turno:80:80", "turno:8x", "<script>", "tu\xe9rno", "[::1", "tur\\no"):
        yield f"Host {value!r}", line + f"Host: {value}\r\n\r\n" + HIDDEN, bad("Host")
    for value in ("", "turno:8080", "127.0.0.1:1", "[::1]:8080", "A-b.example.", "xn--a"):
        yield f"Host {value!r} is one", line + f"Host: {value}\r\n\r\n", (200, None, None, False)


def targets():
    def get(target):
        return f"GET {target} HTTP/1.1\r\n{H}{A}\r\n"

    for target in ("*", "turno:80", "v1/whoami", "?x", "http://", "http://turno", "ftp://turno/v1/whoami", "file:///etc/passwd", "/v1/whoami#x", "/v1%2fwhoami",
                   "/v1/%2Fwhoami", "/v1/whoam%69%00", "/%", "/%4", "/%zz", "/%ff", "/%c0%af", "/v1/%0d%0aX:y", "/v1/%1b[2J", "\\v1\\whoami"):
        yield f"target {target}", get(target), kept(400, "syntax")
    for target in ("//", "//turno/v1/whoami", "/v1/", "/v1//whoami", "/v1/./whoami", "/v1/x/../whoami", "/v1/%2e%2e/whoami", "/V1/whoami", "/v1/whoami/",
                   "/v1/whoami;x=1", "/v1/tickets/0", "/v1/tickets/-1", "/v1/tickets/+1", "/v1/tickets/01", "/v1/tickets/1.0", "/v1/tickets/9223372036854775808",
                   "/v1/tickets/18446744073709551617", "/v1/tickets/1%20", "/v1/tickets/%31%27--", "/v1/tickets/9223372036854775807", "/../etc/passwd",
                   "/v1/tickets/" + "1" * 4000, "/" * 4000, "/v1/" + "a/" * 2000):
        yield f"target {target[:44]}", get(target), kept(404, "not-found")
    for target in ("/", "/?", "/t/", "/t/x", "/t//x", "/t/../v1/whoami", "/t/x/y/z", "/t/%3Cscript%3E", "/t/x%27--", "/t/" + "x" * 4000):
        yield f"target {target[:44]}", get(target), kept(404, PAGE)
    for query, field in (("x=1", "x"), ("limit=1&limit=2", "limit"), ("limit=0", "limit"), ("limit=-1", "limit"), ("limit=1e9", "limit"), ("limit=", "limit"),
                         ("limit=99999999999999999999", "limit"), ("after=x", "after"), ("after=%27%3Bdrop%20table%20turno.ticket--", "after"),
                         ("state=held%27", "state"), ("class=x", "class"), ("queue%00=1", None), ("q=%00", "q"), ("q=%ff", "q"), ("=1", None),
                         ("agent=" + "a" * 3000, "agent"), ("&".join(f"q{i}=1" for i in range(50)), None)):
        status = 400 if "%00" in query or "%ff" in query else 422
        yield f"query {query[:40]}", get(f"/v1/tickets?{query}"), kept(status, "syntax" if status == 400 else "invalid", field)
    for method in ("PUT", "PATCH", "OPTIONS", "TRACE", "get", "BREW", "GETT", "G", "DELETE"):
        yield f"method {method}", f"{method} /v1/tickets HTTP/1.1\r\n{H}{A}\r\n", kept(405, "method")
    yield "method CONNECT", f"CONNECT turno:80 HTTP/1.1\r\n{H}{A}\r\n", kept(400, "syntax")
    yield "absolute form", get("http://turno/v1/whoami"), (200, None, None, False)
    yield "absolute form of another host: only the path counts", get("https://user:pw@evil:1/v1/whoami?"), (200, None, None, False)


def sizes():
    yield "a first line without end", "G" * 40000, shut(431, "headers")
    yield "a target of 20,000 bytes", f"GET /{'a' * 20000} HTTP/1.1\r\n{H}\r\n" + HIDDEN, shut(431, "headers")
    yield "a header of 20,000 bytes", GET + f"X: {'a' * 20000}\r\n\r\n" + HIDDEN, shut(431, "headers")
    yield "a header's name of 20,000 bytes", GET + f"{'a' * 20000}: x\r\n\r\n" + HIDDEN, shut(431, "headers")
    yield "headers without end", GET + "X: y\r\n" * 8000, shut(431, "headers")
    yield "200 headers", GET + "X: y\r\n" * 200 + "\r\n" + HIDDEN, shut(431, "headers")
    yield "a length beyond the limit", POST + f"{CL}: 1048577\r\n\r\n" + HIDDEN, shut(413, "too-large")
    yield "a length of 10^17", POST + f"{CL}: {10 ** 17}\r\n\r\n" + HIDDEN, shut(413, "too-large")
    yield "chunks that add up to too much", CHUNKED + f"80000\r\n{' ' * 0x80000}\r\n" * 3 + HIDDEN, shut(413, "too-large")
    yield "a body that is too large, sent nevertheless", POST + f"{CL}: 3000000\r\n\r\n{' ' * 3000000}", shut(413, "too-large")
    yield "a key of 201 bytes", GET.replace("GET", "POST").replace("whoami", "away") + f"Idempotency-Key: {'k' * 201}\r\n\r\n", kept(422, "invalid", "Idempotency-Key")
    yield "a key with a blank", GET.replace("GET", "POST").replace("whoami", "away") + "Idempotency-Key: a b\r\n\r\n", kept(422, "invalid", "Idempotency-Key")


def bodies():
    def post(body, path="/v1/tickets"):
        data = body if isinstance(body, bytes) else body.encode()
        return POST.replace("/v1/tickets", path).encode() + f"{CL}: {len(data)}\r\n\r\n".encode() + data

    deep = 250000
    for name, body in (("nothing", " "), ("half", '{"subject":'), ("two documents", "{}{}"), ("a comma too many", '{"subject":"x",}'), ("single quotes", "{'subject':'x'}"),
                       ("a comment", '{"subject":"x"}//'), ("NaN", '{"subject":NaN}'), ("a byte order mark", b"\xef\xbb\xbf{}"), ("UTF-16", "{}".encode("utf-16")),
                       ("NUL behind", b'{"subject":"x"}\0'), ("NUL within", b'{"subject":"\0"}'), ("escaped NUL", '{"subject":"\\u0000"}'),
                       ("escaped NUL in a name", '{"sub\\u0000ject":"x"}'), ("a line end in a text", '{"subject":"a\nb"}'), ("invalid UTF-8", b'{"subject":"\xff"}'),
                       ("overlong UTF-8", b'{"subject":"\xc0\xaf"}'), ("a surrogate in UTF-8", b'{"subject":"\xed\xa0\x80"}'), ("half a surrogate", '{"subject":"\\ud800"}'),
                       ("a character too high", b'{"subject":"\xf4\x90\x80\x80"}'), ("a name twice", '{"subject":"a","subject":"b"}'),
                       ("a name twice, once escaped", '{"subject":"a","\\u0073ubject":"b"}'), ("arrays in arrays", "[" * deep + "]" * deep),
                       ("arrays without end", "[" * deep), ("objects in objects", '{"subject":' * 90000), ("a number of 100,000 digits", '{"subject":"x","to":' + "9" * 100000 + "}"),
                       ("a number beyond all bounds", '{"subject":"x","to":1e999999}')):
        yield f"body, {name}", post(body), kept(400, "syntax")
    for body in ('"x"', "7", "null", "true", ""):
        yield f"body {body}", post(body), kept(400, "syntax")
    for name, body, field in (("an empty object", "{}", "subject"),
                              ("an array of 1,001", "[" + ",".join(["{}"] * 1001) + "]", None), ("an empty array", "[]", None),
                              ("an unknown member", '{"subject":"x","__proto__":{}}', "__proto__"), ("null for a text", '{"subject":null}', "subject"),
                              ("an array for a text", '{"subject":["x"]}', "subject"), ("an object for a text", '{"subject":{"$ne":1}}', "subject"),
                              ("a subject of blanks", '{"subject":" \\t "}', "subject"), ("a subject of 500,000 bytes", json.dumps({"subject": "x" * 500000}), "subject"),
                              ("a number where a number is not whole", '{"subject":"x","follows":1.5}', "follows"), ("a number below zero", '{"subject":"x","follows":-1}', "follows"),
                              ("SQL for a queue", json.dumps({"subject": "x", "to": "hr'; drop table turno.ticket; --"}), "to")):
        yield f"body, {name}", post(body), kept(422, "invalid", field)
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/jsonp", "application/json; charset=utf-7",
                 "application/json, text/html", ""):
        yield f"Content-Type {kind!r}", POST.replace("application/json", kind) + f"{CL}: 22\r\n\r\n{TICKET}", kept(415, "media-type", "Content-Type")
    for kind in ("gzip", "br", "deflate, gzip", "x"):
        yield f"Content-Encoding {kind}", POST + f"Content-Encoding: {kind}\r\n{CL}: 22\r\n\r\n{TICKET}", kept(415, "media-type", "Content-Encoding")


def identities():
    good = TOKENS["ana"]

    def forged(name, value, status=401):
        return f"token, {name}", f"GET /v1/whoami HTTP/1.1\r\n{H}Authorization: {value}\r\n\r\n", kept(status, "unauthorized")

    other = "B" if good[-2] != "B" else "C"
    yield forged("made up", "Bearer turno_" + "A" * 43)
    yield forged("one character changed", f"Bearer {good[:-2]}{other}{good[-1]}")
    yield forged("one cut off", f"Bearer {good[:-1]}")
    yield forged("one more", f"Bearer {good}A")
    yield forged("in capitals", f"Bearer {good.upper()}")
    yield forged("a blank behind the prefix", f"Bearer  {good}")
    yield forged("two in one", f"Bearer {good},{good}")
    yield forged("nothing", "Bearer ")
    yield forged("only the word", "Bearer")
    yield forged("another scheme", f"Basic {good}")
    yield forged("no scheme", good)
    yield forged("10,000 bytes", "Bearer " + "x" * 10000)
    yield forged("SQL", "Bearer ' or ''='")
    yield forged("high bytes", "Bearer turno_\xff\xfe")
    yield forged("revoked", f"Bearer {TOKENS['gone']}")
    yield forged("ended", f"Bearer {TOKENS['past']}")
    yield "token, twice", f"GET /v1/whoami HTTP/1.1\r\n{H}{A}{A}\r\n" + HIDDEN, bad("Authorization")
    yield "token, a good one and a bad one", f"GET /v1/whoami HTTP/1.1\r\n{H}Authorization: Bearer x\r\n{A}\r\n" + HIDDEN, bad("Authorization")
    yield "token, a NUL in it", f"GET /v1/whoami HTTP/1.1\r\n{H}Authorization: Bearer {good}\0\r\n\r\n" + HIDDEN, BAD
    yield "a customer lists tokens", f"GET /v1/tokens HTTP/1.1\r\n{H}{A}\r\n", kept(403, "forbidden")
    yield "an agent makes a token", request("POST", "/v1/tokens", "ana", {"person": "eva", "scope": "admin"}), kept(403, "forbidden")
    yield "a token that may read writes", request("POST", "/v1/tickets", "reader", {"subject": "x"}), kept(403, "forbidden")


def accepted():
    """What other servers stumble over, and what is just an ordinary request here."""
    for name, more in (("Upgrade: websocket", "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: x\r\nSec-WebSocket-Version: 13\r\n"),
                       ("Upgrade: h2c", "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n"),
                       ("hop-by-hop names of headers that count", "Connection: Authorization, Host\r\n"), ("Range", "Range: bytes=0-0,0-0,0-0\r\n"),
                       ("X-Forwarded-For", "X-Forwarded-For: 127.0.0.1\r\nForwarded: for=unix\r\nX-Real-IP: ::1\r\n"),
                       ("X-HTTP-Method-Override", "X-HTTP-Method-Override: DELETE\r\n"), ("X-Original-URL", "X-Original-URL: /v1/tokens\r\nX-Rewrite-URL: /v1/tokens\r\n"),
                       ("Accept that is long", "Accept: " + "a/b;q=0.1," * 1000 + "\r\n"), ("If-None-Match", 'If-None-Match: *\r\nIf-Match: "x"\r\n')):
        yield name, GET + more + "\r\n", (200, None, None, False)
    yield "HTTP/1.0", GET.replace("1.1", "1.0") + "\r\n" + HIDDEN, (200, None, None, True)
    yield "HTTP/1.0 with keep-alive", GET.replace("1.1", "1.0") + "Connection: keep-alive\r\nKeep-Alive: timeout=9999\r\n\r\n" + HIDDEN, (200, None, None, True)
    yield "Connection: close, and a request behind", GET + "Connection: close\r\n\r\n" + HIDDEN, (200, None, None, True)
    for value in ("200-maybe", "100-continue, 100-continue", "", "x"):
        yield f"Expect: {value!r}", POST + f"Expect: {value}\r\n{CL}: 22\r\n\r\n{TICKET}", bad("Expect")
    yield "Expect for a body that is too large", POST + f"Expect: 100-continue\r\n{CL}: 2000000\r\n\r\n", shut(413, "too-large")


GROUPS = (("request smuggling: lengths", lengths), ("request smuggling: encodings", encodings), ("chunked bodies", chunks), ("lines and names", lines),
          ("first lines, other protocols", first_lines), ("Host", hosts), ("targets, queries, methods", targets), ("sizes", sizes), ("bodies", bodies),
          ("forged identities", identities), ("expectations, upgrades, old versions", accepted))


def expect(c, want):
    """What comes back on c is what the attack says. None, or what is wrong."""
    status, code, field, closes = want
    got, headers, body = c.reply()
    if code == PAGE:
        if got != status or headers["content-type"] != "text/html; charset=utf-8" or "default-src 'none'" not in headers["content-security-policy"]:
            return f"{got}, not the page of a {status}: {headers}"
        code, doc = None, {}
    else:
        doc = json.loads(body) if body else {}
    if got != status or (code and doc.get("code") != code) or (field and doc.get("field") != field):
        return f"{got} {doc.get('code')} {doc.get('field')} '{doc.get('detail')}' instead of {status} {code} {field}"
    if code and (headers["content-type"] != "application/problem+json" or doc["status"] != status or not doc["title"] or not doc["detail"] or not doc["op"]):
        return f"no problem details: {doc}"
    if closes != (headers.get("connection") == "close"):
        return f"the connection is {'kept' if closes else 'closed'}: {headers}"
    if closes:
        c.end_sending()
        left = c.rest()
        return f"something comes behind the refusal: {left[:80]!r}" if left else None
    c.send(b"GET /healthz HTTP/1.1\r\nHost: turno\r\n\r\n")
    got, _, body = c.reply()
    return None if (got, body) == (200, b'{"ok":true}') else f"the next request is answered by {got} {body[:80]!r}"


def attack(name, data, want, faults):
    if isinstance(data, str):
        # latin-1 for the bytes that are meant as bytes; what is beyond is meant as UTF-8
        data = b"".join(ch.encode("latin-1") if ord(ch) < 256 else ch.encode() for ch in data)
    for how, step in (("unix", 0), ("tcp", 0 if len(data) > 20000 else 7)):
        c = Raw(how)
        try:
            c.send(data, step)
            wrong = expect(c, want)
        except (Closed, AssertionError, OSError, KeyError, ValueError) as e:
            wrong = f"{type(e).__name__} {e}"
        if wrong:
            faults.append(f"{name} ({how}): {wrong}")
        c.close()


def tables(tap, say):
    for title, rows in GROUPS:
        faults, n = [], 0
        for row in rows():
            attack(*row, faults)
            n += 2
        say(title, faults, n)


def pipelines(say):
    """A refusal in the middle: what lies before is answered, what lies behind never happens."""
    faults, n = [], 0
    good = (GET + "\r\n").encode()
    for middle in (b"GET /v1 HTTP/1.1\nHost: x\n\n", POST.encode() + b"Content-Length: x\r\n\r\n", b"\0", CHUNKED.encode() + b"zz\r\n", b"\r\n"):
        for before in (0, 1, 7):
            for how in ("unix", "tcp"):
                c = Raw(how)
                c.send(good * before + middle + HIDDEN.encode() * 3)
                got = [c.reply()[0] for _ in range(before + 1)]
                c.end_sending()
                left = c.rest()
                if got != [200] * before + [400] or left:
                    faults.append(f"{before} before {middle[:30]!r} ({how}): {got}, then {left[:60]!r}")
                c.close()
                n += 1
    c = Raw("tcp")
    c.send(good * 2000)
    if [c.reply()[0] for _ in range(2000)] != [200] * 2000:
        faults.append("2,000 in one go are not all answered")
    c.close()
    say("requests behind a refused one", faults, n + 2000)


def half_requests(say):
    """Cut off behind each byte: half-closed, it is refused; vanished, it is forgotten. It may stay open as well."""
    faults, n = [], 0
    whole = (POST + f"{TE}: chunked\r\n\r\n" + f"{len(TICKET):x}\r\n{TICKET}\r\n0\r\n\r\n").encode()
    for at in range(0, len(whole), 1):
        for how in ("unix", "tcp"):
            c = Raw(how)
            c.send(whole[:at])
            if at % 2 == (how == "tcp"):
                c.vanish()
            else:
                c.end_sending()
                try:
                    got = c.reply()[0]
                except Closed:
                    got = 0
                if got != (400 if at > 0 else 0) or c.rest():
                    faults.append(f"half-closed behind {at} bytes ({how}): {got}")
                c.close()
            n += 1
    left = []  # asked, and gone before the answer
    for i in range(300):
        c = Raw("tcp" if i % 2 else "unix")
        c.send((GET + "\r\n").encode() * 5)
        left.append(c)
    for c in left:
        c.vanish()
    if not until(lambda: figure("turno_http_connections") == 1 and figure("turno_http_open_requests") == 1):
        faults.append(f"connections are left: {figure('turno_http_connections')}")
    say("half requests, vanished clients", faults, n + len(left))


def stale(say, n, epoch, version):
    """Ticket n is held by ana in this epoch: all that is not that is refused by name."""
    faults, tries = [], 0

    def act(who, verb, body, status, code, field=None):
        nonlocal tries
        tries += 1
        got, doc = call("POST", f"/v1/tickets/{n}/{verb}", who, body)
        if got != status or doc.get("code") != code or (field and doc.get("field") != field):
            faults.append(f"{verb} {body} by {who}: {got} {doc}")

    for e in (epoch - 1, epoch + 1, 0, 2 ** 31 - 1):
        for verb, more in (("touch", {}), ("release", {}), ("reply", {"body": "x"}), ("keep", {"body": "x"}), ("resolve", {"body": "x"}), ("pass", {"queue": "warehouse"}),
                           ("park-vendor", {"vendor": "x"}), ("decline", {"body": "x"})):
            act("ana", verb, {"epoch": e, **more}, 409, "stale")
    for e in (-1, 2 ** 31, 2 ** 63 - 1, -2 ** 63):
        act("ana", "touch", {"epoch": e}, 422, "invalid", "epoch")
    for e in ("1", None, 1.5, True, [epoch], {}):
        act("ana", "touch", {"epoch": e}, 422, "invalid", "epoch")
    act("ana", "set-tags", {"tags": ["x"], "version": version + 7}, 409, "stale")
    for who in ("luis", "marta", "acme", "other"):  # a colleague, another department, who asked, a stranger
        status, doc = call("POST", f"/v1/tickets/{n}/resolve", who, {"epoch": epoch, "body": "x"})
        tries += 1
        if status not in (403, 404, 409):
            faults.append(f"resolve by {who}: {status} {doc}")
    act("other", "message", {"body": "x"}, 404, "not-found")
    act("other", "cancel", {}, 404, "not-found")
    say("stale epochs, other people's holds", faults, tries)


def repeats(say, keep, n):
    """The same request from many at once, and the same key for another one."""
    faults, first = [], []
    if keep:  # the one thing in here that stores something: one ticket
        def hand_in():
            first.append(call("POST", "/v1/tickets", "acme", {"subject": "once"}, "Idempotency-Key: many\r\n"))
        threads = [threading.Thread(target=hand_in) for _ in range(32)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        if len({doc.get("ticket") for _, doc in first}) != 1 or sorted({s for s, _ in first}) not in ([200, 201], [201]) or [s for s, _ in first].count(201) != 1:
            faults.append(f"32 at once: {sorted((s, d.get('ticket'), d.get('code')) for s, d in first)}")
    for _ in range(32):
        status, doc = call("POST", "/v1/tickets", "acme", {"subject": "once"}, "Idempotency-Key: many\r\n")
        if status != 200 or not doc.get("repeated"):
            faults.append(f"again: {status} {doc}")
    for body in ({"subject": "twice"}, {"subject": "once", "body": "x"}):
        status, doc = call("POST", "/v1/tickets", "acme", body, "Idempotency-Key: many\r\n")
        if (status, doc.get("code")) != (422, "mismatch"):
            faults.append(f"the key for {body}: {status} {doc}")
    status, doc = call("POST", f"/v1/tickets/{n}/message", "acme", {"body": "x"}, "Idempotency-Key: many\r\n")
    if keep and status != 200:
        faults.append(f"a key is a route's own: {status} {doc}")
    say("repeated requests", faults, len(first) + 36)


def forged_tokens(say, n):
    """So many that what is remembered of them is full several times; whoever is known stays known."""
    faults = []
    chance = random.Random(n)
    c, mine = Raw("unix"), Raw("tcp")
    for i in range(n):
        secret = "turno_" + "".join(chance.choices("ABCDEFGHabcdefgh01234567-_", k=43))
        c.send(f"GET /v1/whoami HTTP/1.1\r\n{H}Authorization: Bearer {secret}\r\n\r\n".encode())
        if i % 100 == 99:
            got = {c.reply()[0] for _ in range(100)}
            if got != {401}:
                faults.append(f"forged: {got}")
            mine.send(request("GET", "/v1/whoami", "ana"))
            if mine.reply()[0] != 200:
                faults.append("ana is not known any more")
    say("forged tokens in numbers", faults, n)


def mutations(say, n, seed):
    """Requests that could only read (on the Unix socket, without its token, a request is one of the socket's user), with bytes changed, cut out, doubled: an answer, or a closed connection, never silence."""
    faults = []
    chance = random.Random(seed)
    seeds = [request("GET", "/v1/tickets?limit=3&state=held", "reader"), request("POST", "/v1/tickets", "reader", {}),
             (GET.replace(TOKENS["acme"], TOKENS["reader"]) + "\r\n").encode(), CHUNKED.replace(TOKENS["acme"], TOKENS["reader"]).encode() + b"5\r\nhello\r\n0\r\n\r\n"]
    for _ in range(n):
        data = bytearray(chance.choice(seeds) + chance.choice(seeds))
        for _ in range(chance.randint(1, 4)):
            at, kind = chance.randrange(len(data)), chance.randrange(4)
            if kind == 0:
                data[at] = chance.randrange(256)
            elif kind == 1:
                del data[at:at + chance.randint(1, 9)]
            elif kind == 2:
                data[at:at] = chance.choice((b"\r\n", b"\n", b"\0", b"chunked", b"Content-Length: 3\r\n", b" ", b"\r\n\r\n", b"0\r\n\r\n"))
            else:
                data[at:at] = data[at:at + chance.randint(1, 40)]
        c = Raw(chance.choice(("unix", "tcp")))
        c.send(bytes(data), chance.choice((0, 0, 11)))
        c.end_sending()
        try:
            while True:
                status, headers, _ = c.reply()
                if status >= 500 or (status >= 400 and "content-type" not in headers):
                    faults.append(f"{status} for {bytes(data)!r}")
        except Closed:
            pass
        except (AssertionError, OSError, ValueError, KeyError) as e:
            faults.append(f"{type(e).__name__} {e} for {bytes(data)!r}")
        c.close()
    say(f"requests with random changes (seed {seed})", faults, n)


def main():
    tap = Tap()
    status, held = call("POST", "/v1/next", "ana", {})
    assert status == 200, held
    n, epoch = held["ticket"], held["epoch"]
    repeats(lambda title, faults, tries: tap.ok(title + ", for the first time", faults), True, n)
    version = call("GET", f"/v1/tickets/{n}", "ana")[1]["version"]
    fresh, memory, before = memory_kb(), [], stored()
    for round_ in range(3):
        say = tap.ok if round_ == 0 else lambda title, faults, tries: faults and tap.ok(title + ", again", faults)
        tables(tap, say)
        pipelines(say)
        half_requests(say)
        stale(say, n, epoch, version)
        repeats(say, False, n)
        mutations(say, 1500, 7 + round_)
        forged_tokens(say, 9000)
        memory.append(memory_kb())
    tap.ok("nothing is stored", [] if stored() == before else [f"before: {before}", f"after: {stored()}"])
    tap.ok("the hold is as it was", [] if call("POST", f"/v1/tickets/{n}/touch", "ana", {"epoch": epoch})[0] == 200 else ["it is not"])
    tap.ok("the daemon serves, and is ready", [] if is_ready() and call("GET", "/v1/whoami", "ana")[0] == 200 else ["it does not"])
    tap.ok(f"three rounds need no more memory than what may be remembered ({GROWTH_KB} kB)", [] if max(memory) <= fresh + GROWTH_KB else [f"{fresh}, then {memory} kB"])
    tap.ok(f"it is not larger than {CEILING_KB} kB", [] if max(memory) <= CEILING_KB else [f"{memory} kB"])
    tap.table()
    print(f"# stored before and after: {before}")
    print(f"# resident memory: {fresh} kB before, {', '.join(map(str, memory))} kB after each round")
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
