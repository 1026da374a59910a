"""Makes the fuzzer's first inputs: `seeds.py FOLDER`, one folder a target inside it."""

import hashlib
import json
import os
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CORPUS = Path(os.environ.get("HOOKWEIR_CORPUS", ROOT / ".." / "shared" / "corpus"))


def main():
    out = Path(sys.argv[1])
    for target, seeds in [("expr", expressions()), ("spec", specs()), ("request", requests())]:
        folder = out / target
        folder.mkdir(parents=True, exist_ok=True)
        count = 0
        for seed in seeds:
            (folder / hashlib.sha1(seed).hexdigest()).write_bytes(seed)
            count += 1
        print(f"{target}: {count} seeds")


def expressions():
    for path in yaml_files():
        for text in re.findall(r"\$\{(.*?)\}|(?:when|that): (.*)$|^  [a-z_]+: (.*)$", path.read_text(), re.M):
            for expression in filter(None, text):
                yield expression.strip("'\"").encode()
    for path in sorted((CORPUS / "cel").glob("*.jsonl")):
        for line in path.read_text("utf-8").splitlines():
            yield json.loads(line)["expr"].encode("utf-8", "replace")
    suite = CORPUS / "jsonpath" / "cts.json"
    if suite.is_file():
        for case in json.loads(suite.read_text("utf-8"))["tests"][:300]:
            document = json.dumps(case.get("document", None), ensure_ascii=True)
            selector = json.dumps(case["selector"], ensure_ascii=True)
            yield f"body.jsonpath({selector})\0{document}".encode()


def specs():
    for path in yaml_files():
        yield path.read_bytes()
    for path in sorted((ROOT / "src").rglob("explanations/*.md")):
        for block in re.findall(r"```yaml\n(.*?)```", path.read_text("utf-8"), re.S):
            yield block.encode()


def requests():
    address = "/crm/v2/functions/echo/actions/execute?auth_type=apikey&zapikey=KEY&a=1&a=2"
    bodies = [
        ("application/json", b'{"email":"ada@example.com","n":[1,2.50,9007199254740993,null]}'),
        ("application/x-www-form-urlencoded", b"email=ada%40example.com&tag=a&tag=b&n=%C3%A9"),
        ("text/plain; charset=utf-8", "héllo".encode()),
        ("application/xml", b"<?xml version='1.0'?><a b='1'><c>d</c><c/>&amp;</a>"),
        ("application/octet-stream", bytes(range(256))),
        ("multipart/form-data; boundary=x",
         b'--x\r\nContent-Disposition: form-data; name="note"\r\n\r\nhello\r\n--x\r\nContent-Disposition: '
         b'form-data; name="inputFile"; filename="a.csv"\r\nContent-Type: text/csv\r\n\r\na,b\n1,2\n\r\n--x--\r\n'),
    ]
    for kind, body in bodies:
        head = f"POST {address} HTTP/1.1\r\nHost: a\r\nContent-Type: {kind}\r\n"
        yield f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body
        yield f"{head}Transfer-Encoding: chunked\r\n\r\n{len(body):x}\r\n".encode() + body + b"\r\n0\r\n\r\n"
        yield f"{head}Content-Length: {len(body) + 9}\r\n\r\n".encode() + body
    for line in ["GET", "HEAD", "OPTIONS", "PUT", "DELETE"]:
        yield f"{line} {address} HTTP/1.1\r\nHost: a\r\nCookie: a=b; c=d\r\nX-A: 1\r\nX-A: 2\r\n\r\n".encode()
    yield b"GET /hooks/echo/%2F%c3%a9?x=%zz&=&& HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
    yield b"GET http://a/hooks/echo/1 HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"
    yield b"GET / HTTP/1.0\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"
    yield b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"


def yaml_files():
    for folder in ["specs", "benches/specs"]:
        yield from sorted((ROOT / folder).glob("*.yaml"))
    yield from sorted((ROOT / "examples").glob("*/specs/*.yaml"))


if __name__ == "__main__":
    main()
