"""Random expressions in hookweir and in cel-cpp: the same value, or an error in both.

    run.py HOOKWEIR [--seeds N] [--first SEED]

A seed makes a hundred well-typed expressions over what both know, with values for their variables,
and counts as one test. A difference that `judged.toml` explains is no failure; any other is. What
cel-cpp lacks (two-variable macros, lists, sets, regex, network) is not compared. Needs
cel-expr-python.
"""

import argparse
import base64
import json
import math
import os
import random
import re
import subprocess
import sys
import tomllib
from collections import Counter
from datetime import datetime, timedelta, timezone
from pathlib import Path

from cel_expr_python import cel
from cel_expr_python.ext import ext_bindings, ext_encoders, ext_math, ext_optional, ext_strings

# The wheel gives away a reference to None with each null that it shows.
NONES = [None] * 10_000_000
SEEDS = 40
EXPRESSIONS = 100
EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)

# Each kind's name in hookweir's declarations and in cel-cpp's.
VARIABLES = {
    "i": ("int", cel.Type.INT), "j": ("int", cel.Type.INT), "u": ("uint", cel.Type.UINT),
    "d": ("double", cel.Type.DOUBLE), "s": ("string", cel.Type.STRING),
    "r": ("string", cel.Type.STRING), "b": ("bytes", cel.Type.BYTES),
    "o": ("bool", cel.Type.BOOL), "t": ("timestamp", cel.Type.TIMESTAMP),
    "w": ("duration", cel.Type.DURATION), "body": ("dyn", cel.Type.DYN),
}
KINDS = {"i": "int", "j": "int", "u": "uint", "d": "dbl", "s": "str", "r": "str", "b": "byt",
         "o": "bool", "t": "ts", "w": "dur", "body": "dyn"}

INTS = ["0", "1", "-1", "2", "3", "7", "10", "-5", "63", "64", "0x1F", "9223372036854775807",
        "-9223372036854775808", "9007199254740993", "4611686018427387904", "253402300799"]
UINTS = ["0u", "1u", "2u", "7u", "64u", "18446744073709551615u", "9223372036854775808u", "0xffu"]
DOUBLES = ["0.0", "-0.0", "1.0", "1.5", "-2.5", "0.1", "2.5", "1e300", "5e-324", "1e18", "1e21",
           "9223372036854775807.0", "9007199254740993.0", "123456.789", "(0.0/0.0)", "(1.0/0.0)",
           "(-1.0/0.0)", "1.7976931348623157e308"]
STRINGS = ['""', '"a"', '"abc"', '"Hello, World"', '"héllo"', '"日本語"', '"😀b"', r'"e\u0301"',
           '"a,b,,c"', '"  x\\t"', '"12"', '"-7"', '"1.5"', '"1e3"', '"true"', '"NaN"', '"9223372036854775808"',
           '"0x10"', r'r"\d+"', '"2009-02-13T23:31:30Z"', '"1h30m"', '"3.5s"', '"ǅ"', '"İß"',
           r'"q\"\\\n"', '"aGk="', r'"\u0000"', '"t"', '"+5"']
BYTES = ['b""', 'b"abc"', 'b"é"', r'b"\xff\x00"', r'b"\360\237\230\200"', r'b"a\xc3"']
TIMES = ['timestamp("2009-02-13T23:31:30Z")', 'timestamp("1970-01-01T00:00:00.000000001Z")',
         'timestamp("0001-01-01T00:00:00Z")', 'timestamp("9999-12-31T23:59:59.999999999Z")',
         'timestamp("2024-02-29T12:00:00.123456+05:30")', 'timestamp("1969-12-31T23:59:59.5Z")']
SPANS = ['duration("0s")', 'duration("1h30m2.5s")', 'duration("-1.000000001s")', 'duration("100ms")',
         'duration("1us")', 'duration("2562047h")', 'duration("-36h")', 'duration("999999999ns")']
ZONES = ['"UTC"', '"America/New_York"', '"+05:30"', '"-08:00"', '"Asia/Kolkata"', '"Europe/Berlin"', '"No/Zone"']
LITERALS = {"int": INTS, "uint": UINTS, "dbl": DOUBLES, "str": STRINGS, "byt": BYTES, "ts": TIMES, "dur": SPANS,
            "bool": ["true", "false"], "zone": ZONES,
            "re": [r'r"^[a-z]+$"', r'r"\d"', '"b|c"', r'r"(?i)HELLO"', r'r"\p{L}+"', '"["', r'r"^.$"', r'r"\w"'],
            "li": ["[]", "[1, 2, 3]", "[3, 1, 3]"], "ls": ["[]", '["a", "b"]', '["x", "", "é"]'],
            "ld": ["[1.5, -0.0]"], "lli": ["[[1], [], [2, 3]]"], "msi": ["{}", '{"a": 1, "b": 2}'],
            "mis": ["{}", '{1: "a", -2: "b"}'], "oi": ["optional.none()", "optional.of(1)"],
            "os": ["optional.none()", 'optional.of("a")'],
            "dyn": ["body.a", "body.n", "body.f", "body.s", "body.l", "body.m", "body.z", "body.missing",
                    "body.m.k", "body.l[0]", "body.l[7]", "body.t", 'body["s"]', "body.big", "null"]}

# Nothing here shows the order of a map's entries, which CEL leaves open and cel-cpp changes from
# one process to the next. `{kind}` is an expression of the kind, `{v:kind}` a new variable that what follows it sees.
COMMON = ["({bool} ? {K} : {K})", "cel.bind({v:K}, {K}, {K})", "[{K}, {K}][{int} % 2]", "dyn({K})"]
FORMS = {
    "int": ["({int} + {int})", "({int} - {int})", "({int} * {int})", "({int} / {int})", "({int} % {int})", "(-{int})",
            "int({uint})", "int({dbl})", "int({str})", "int({ts})", "size({str})", "size({byt})", "{li}.size()",
            "size({msi})", "size({msi}.map({v:str}, {str}))", "{li}[{int}]", "{msi}[{str}]", "{oi}.orValue({int})", "{oi}.value()",
            "{str}.indexOf({str})", "{str}.indexOf({str}, {int})", "{str}.lastIndexOf({str})", "{str}.lastIndexOf({str}, {int})",
            "{ts}.getFullYear()", "{ts}.getMonth({zone})", "{ts}.getDate()", "{ts}.getDate({zone})",
            "{ts}.getDayOfMonth({zone})", "{ts}.getDayOfWeek({zone})", "{ts}.getDayOfYear()", "{ts}.getHours({zone})",
            "{ts}.getMinutes({zone})", "{ts}.getSeconds()", "{ts}.getMilliseconds()", "{dur}.getHours()",
            "{dur}.getMinutes()", "{dur}.getSeconds()", "{dur}.getMilliseconds()",
            "math.greatest({int}, {int}, {int})", "math.least({li})", "math.abs({int})", "math.sign({int})",
            "math.bitAnd({int}, {int})", "math.bitOr({int}, {int})", "math.bitXor({int}, {int})", "math.bitNot({int})",
            "math.bitShiftLeft({int}, {int})", "math.bitShiftRight({int}, {int})"],
    "uint": ["({uint} + {uint})", "({uint} - {uint})", "({uint} * {uint})", "({uint} / {uint})", "({uint} % {uint})",
             "uint({int})", "uint({dbl})", "uint({str})", "math.greatest({uint}, {uint})", "math.bitNot({uint})",
             "math.bitShiftLeft({uint}, {int})", "math.bitShiftRight({uint}, {int})", "math.abs({uint})", "math.sign({uint})"],
    "dbl": ["({dbl} + {dbl})", "({dbl} - {dbl})", "({dbl} * {dbl})", "({dbl} / {dbl})", "(-{dbl})", "double({int})",
            "double({uint})", "double({str})", "math.ceil({dbl})", "math.floor({dbl})", "math.round({dbl})",
            "math.trunc({dbl})", "math.abs({dbl})", "math.sign({dbl})", "math.sqrt({dbl})", "math.sqrt({int})",
            "math.least({dbl}, {dbl})", "math.greatest({dbl}, {dbl})", "{ld}[{int}]"],
    "str": ["({str} + {str})", "string({int})", "string({uint})", "string({dbl})", "string({bool})", "string({byt})",
            "string({ts})", "string({dur})", "{str}.charAt({int})", "{str}.substring({int})", "{str}.substring({int}, {int})",
            "{str}.replace({str}, {str})", "{str}.replace({str}, {str}, {int})", "{str}.lowerAscii()", "{str}.upperAscii()",
            "{str}.trim()", "{str}.reverse()", "strings.quote({str})", "{ls}.join()", "{ls}.join({str})",
            "base64.encode({byt})", "{ls}[{int}]", "{mis}[{int}]", "{os}.orValue({str})",
            '"%s|%d".format([{str}, {int}])', '"%s".format([{dyn}])', '"%.3f %e".format([{dbl}, {dbl}])',
            '"%x %X %o %b".format([{int}, {str}, {uint}, {int}])', '"%s %s".format([{li}, {dbl}])',
            '"%s %s %s".format([{ts}, {dur}, {msi}])'],
    "byt": ["({byt} + {byt})", "bytes({str})", "base64.decode({str})"],
    "bool": ["({int} == {int})", "({int} != {int})", "({int} < {int})", "({uint} <= {uint})", "({dbl} < {dbl})",
             "({dbl} == {dbl})", "({str} < {str})", "({byt} >= {byt})", "({ts} < {ts})", "({dur} >= {dur})",
             "(dyn({int}) < {dbl})", "({uint} > dyn({int}))", "({dbl} >= dyn({uint}))", "(dyn({int}) == {dbl})", "(dyn({uint}) == {int})",
             "({bool} && {bool})", "({bool} || {bool})", "(!{bool})", "({bool} == {bool})", "({dyn} == {dyn})",
             "({dyn} < {dyn})", "({dyn} && {bool})", "({bool} || {dyn})", "({int} in {li})", "({str} in {ls})",
             "({str} in {msi})", "({dyn} in {dyn})", "({li} == {li})", "({msi} == {msi})", "({oi} == {oi})",
             "{str}.contains({str})", "{str}.startsWith({str})", "{str}.endsWith({str})", "{str}.matches({re})",
             "bool({str})", "has(body.a)", "has(body.m.k)", "has(body.missing.k)", "has({msi}.a)", "{oi}.hasValue()",
             "{li}.all({v:int}, {bool})", "{li}.exists({v:int}, {bool})", "{li}.exists_one({v:int}, {bool})",
             "{ls}.exists({v:str}, {bool})", "{msi}.all({v:str}, {bool})", "{dyn}.exists({v:dyn}, {bool})",
             "math.isNaN({dbl})", "math.isInf({dbl})", "math.isFinite({dbl})", "(type({dyn}) == {typ})"],
    "ts": ["({ts} + {dur})", "({ts} - {dur})", "timestamp({str})", "timestamp({int})", "({dur} + {ts})"],
    "dur": ["({dur} + {dur})", "({dur} - {dur})", "({ts} - {ts})", "duration({str})"],
    "li": ["[{int}, {int}]", "({li} + {li})", "{li}.map({v:int}, {int})", "{li}.filter({v:int}, {bool})",
           "{li}.map({v:int}, {bool}, {int})", "{lli}[{int}]", "{ls}.map({v:str}, {int})", "[?{oi}, {int}]",
           "{lli}.map({v:li}, {int})"],
    "ls": ["[{str}, {str}]", "({ls} + {ls})", "{str}.split({str})", "{str}.split({str}, {int})", "{li}.map({v:int}, {str})",
           "{ls}.filter({v:str}, {bool})", "[?{os}, {str}]"],
    "ld": ["[{dbl}, {dbl}]", "{li}.map({v:int}, {dbl})"],
    "lli": ["[{li}, {li}]", "{li}.map({v:int}, {li})", "{li}.map({v:int}, [{int}].map({v:int}, {int}))"],
    "msi": ["{{{str}: {int}}}", '{{"k": {int}, {str}: {int}}}', "{{?{str}: {oi}}}"],
    "mis": ["{{{int}: {str}}}"],
    "oi": ["optional.of({int})", "optional.ofNonZeroValue({int})", "{oi}.or({oi})", "{li}[?{int}]", "{msi}[?{str}]",
           "{oi}.optMap({v:int}, {int})", "{oi}.optFlatMap({v:int}, {oi})", "{msi}.?k"],
    "os": ["optional.of({str})", "optional.ofNonZeroValue({str})", "{oi}.optMap({v:int}, {str})", "{ls}[?{int}]"],
    "typ": ["type({dyn})", "int", "uint", "double", "string", "bytes", "bool", "list", "map", "type(null)", "type({ts})",
            "type({dbl})"],
    "dyn": ["dyn({int})", "dyn({uint})", "dyn({dbl})", "dyn({str})", "dyn({byt})", "dyn({li})", "dyn({msi})", "dyn({bool})",
            "dyn({ts})", "body.l[{int}]", "body.m[{str}]", "body.?a.orValue({dyn})", "body.?m.?k.orValue({int})",
            "({dyn} + {dyn})", "({dyn} - {dyn})", "({dyn} * {int})", "({dyn} / {dbl})", "(-{dyn})", "[{dyn}, {dyn}]",
            "size({dyn})", "body.l.map({v:dyn}, {dyn})", "body.l.filter({v:dyn}, {bool})", "{dyn}.a", "{dyn}[{dyn}]",
            "string({dyn})", "int({dyn})", "double({dyn})"],
}
RESULTS = ["int", "uint", "dbl", "str", "byt", "bool", "bool", "li", "ls", "ld", "lli", "msi", "mis", "dyn", "typ",
           "string({ts})", "string({dur})", "[{oi}.hasValue() ? [{oi}] : []][0].size()"]
HOLE = re.compile(r"\{\{|\}\}|\{(v:)?(\w+)\}")


class Maker:
    """Makes expressions; `names` are the variables that the place can see, by kind."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.names = [(name, kind) for name, kind in KINDS.items()]
        self.made = 0

    def expression(self, kind, depth):
        fitting = [name for name, of in self.names if of == kind]
        roll = self.random.random()
        if fitting and roll < (0.5 if depth <= 0 else 0.2):
            # The latest variables are the interesting ones.
            return fitting[-1] if self.random.random() < 0.5 else self.random.choice(fitting)
        if kind in LITERALS and (depth <= 0 or kind not in FORMS or roll < 0.3):
            return self.random.choice(LITERALS[kind])
        forms = FORMS[kind]
        if kind not in ("typ", "oi", "os") and self.random.random() < 0.08:
            forms = [form.replace("{v:K}", "{v:%s}" % kind).replace("{K}", "{%s}" % kind) for form in COMMON]
        return self.fill(self.random.choice(forms), depth - 1)

    def fill(self, form, depth):
        visible = len(self.names)

        def hole(match):
            if match[0] in ("{{", "}}"):
                return match[0][0]
            if match[1]:
                self.made += 1
                name = f"v{self.made}"
                pending.append((name, match[2]))
                # What is bound stands between the name and what sees it.
                if not form.startswith("cel.bind"):
                    self.names.extend(pending)
                    pending.clear()
                return name
            text = self.expression(match[2], depth)
            self.names.extend(pending)
            pending.clear()
            return text

        pending = []
        text = HOLE.sub(hole, form)
        del self.names[visible:]
        return text

    def whole(self):
        result = self.random.choice(RESULTS)
        depth = self.random.randint(1, 4)
        return self.fill(result, depth) if "{" in result else self.expression(result, depth)

    def values(self):
        choose = self.random.choice
        ints = [0, 1, -1, 2, 5, 2**63 - 1, -(2**63), 2**53 + 1, self.random.randint(-1000, 1000)]
        doubles = [0.0, -0.0, 1.0, 0.1, -2.5, 1e22, 1e-7, math.inf, math.nan, self.random.uniform(-1e6, 1e6)]
        texts = ["", "a", "Hello", "héllo wörld", "😀", "k", "12", "a,b", "\n\t", "ß"]
        return {
            "i": choose(ints), "j": choose(ints), "u": choose([0, 1, 7, 2**64 - 1, 2**63]), "d": choose(doubles),
            "s": choose(texts), "r": choose(texts), "b": choose([b"", b"abc", b"\xff", "é".encode()]),
            "o": choose([True, False]),
            "t": EPOCH + timedelta(seconds=self.random.randint(-(10**9), 4 * 10**9), microseconds=choose([0, 1, 500000])),
            "w": timedelta(seconds=self.random.randint(-(10**6), 10**6), milliseconds=choose([0, 1, 500])),
            "body": {"a": choose(ints[:6]), "n": None, "f": choose([0.5, 2.0, -1.25, 1e20]), "s": choose(texts),
                     "l": [1, "x", None, 2.5, {"k": 1}], "m": {"k": choose(ints), "": "e", "é": [1]}, "z": choose([[], {}, ""]),
                     "t": True, "big": 2**53 + 1},
        }


def tag(value):
    """A Python value in the form of CEL's conformance data."""
    match value:
        case None:
            return {"t": "null"}
        case bool():
            return {"t": "bool", "v": value}
        case int():
            return {"t": "int", "v": str(value)}
        case float():
            return {"t": "double", "v": double(value)}
        case str():
            return {"t": "string", "v": value}
        case bytes() | bytearray():
            return {"t": "bytes", "v": base64.b64encode(value).decode()}
        case list():
            return {"t": "list", "v": [tag(item) for item in value]}
        case dict():
            return {"t": "map", "v": [[tag(key), tag(item)] for key, item in value.items()]}
        case datetime() | timedelta():
            span = value - EPOCH if isinstance(value, datetime) else value
            micros = span // timedelta(microseconds=1)
            seconds = abs(micros) // 10**6 * (1 if micros >= 0 else -1)
            kind = "timestamp" if isinstance(value, datetime) else "duration"
            if kind == "timestamp":
                seconds = micros // 10**6
            return {"t": kind, "seconds": str(seconds), "nanos": (micros - seconds * 10**6) * 1000}
    raise TypeError(f"{value!r}")


def double(value):
    if math.isnan(value):
        return "NaN"
    return repr(value) if math.isfinite(value) else ("Infinity" if value > 0 else "-Infinity")


TYPES = {"NULL": "null_type", "TIMESTAMP": "google.protobuf.Timestamp", "DURATION": "google.protobuf.Duration"}


def tag_cel(value):
    """A value of cel-cpp in the same form."""
    kind = value.type().name().split("<")[0]
    inner = value.value()
    if kind == "TYPE":
        name = str(inner).split("<")[0]
        return {"t": "type", "v": TYPES.get(name, name.lower())}
    if kind == "UINT":
        return {"t": "uint", "v": str(int(inner))}
    if kind == "LIST":
        return {"t": "list", "v": [tag_cel(item) for item in inner]}
    if kind == "MAP":
        return {"t": "map", "v": [[tag(key), tag_cel(item)] for key, item in inner.items()]}
    return tag(inner)


def normal(tagged):
    """Equal texts for equal values: maps have no order, doubles one way to be written."""
    kind, inner = tagged["t"], tagged.get("v")
    if kind == "double":
        return f"double {double(float(inner))}"
    if kind in ("timestamp", "duration"):
        # Python's times have no nanoseconds.
        return f"{kind} {tagged['seconds']} {int(tagged['nanos'] / 1000)}"
    if kind == "bytes":
        return f"bytes {base64.b64decode(inner)}"
    if kind == "list":
        return f"[{', '.join(normal(item) for item in inner)}]"
    if kind == "map":
        return "{%s}" % ", ".join(sorted(f"{normal(key)}: {normal(item)}" for key, item in inner))
    return f"{kind} {inner}" if inner is not None else json.dumps(tagged, sort_keys=True)


def ask_cel(environment, expression, values):
    try:
        result = environment.compile(expression).eval(data=values)
        if result.type().name() == "ERROR":
            return f"error: {result.value()}"
        return normal(tag_cel(result))
    except RuntimeError as error:
        return f"error: {error}"
    except (TypeError, SystemError, OverflowError, ValueError) as error:
        # The wheel cannot show this value to Python.
        return f"unseen: {error}"


def ask_hookweir(program, lines):
    text = "".join(json.dumps(line) + "\n" for line in lines)
    done = subprocess.run([program, "eval", "--batch"], input=text, capture_output=True, text=True, encoding="utf-8")
    answers = {}
    for line in done.stdout.splitlines():
        answer = json.loads(line)
        answers[answer["id"]] = normal(answer["value"]) if "value" in answer else f"error: {answer['error']}"
    if done.returncode != 0 or len(answers) != len(lines):
        sys.exit(f"hookweir ended with {done.returncode} after {len(answers)} of {len(lines)} answers: {done.stderr}")
    return answers


def main():
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("hookweir")
    options.add_argument("--seeds", type=int, default=SEEDS)
    options.add_argument("--first", type=int, default=1)
    options = options.parse_args()
    judged = tomllib.loads((Path(__file__).parent / "judged.toml").read_text("utf-8"))["difference"]
    extensions = [ext_strings.ExtStrings(), ext_math.ExtMath(), ext_bindings.ExtBindings(),
                  ext_optional.ExtOptional(), ext_encoders.ExtEncoders()]
    environment = cel.NewEnv(variables={name: of for name, (_, of) in VARIABLES.items()}, extensions=extensions)
    declarations = [{"name": name, "type": of} for name, (of, _) in VARIABLES.items()]

    lines, theirs, failed, counts = [], [], set(), Counter()
    for seed in range(options.first, options.first + options.seeds):
        maker = Maker(seed)
        for _ in range(EXPRESSIONS):
            expression, values = maker.whole(), maker.values()
            bindings = {name: tag(value) for name, value in values.items()}
            bindings["u"]["t"] = "uint"
            lines.append({"id": len(lines), "expr": expression, "bindings": bindings, "type_env": declarations})
            theirs.append(ask_cel(environment, expression, values))
    ours = ask_hookweir(options.hookweir, lines)

    used = Counter()
    for line, their in zip(lines, theirs):
        our, expression = ours[line["id"]], line["expr"]
        counts["values" if not their.startswith(("error", "unseen")) else their.split(":")[0]] += 1
        if their.startswith("unseen") or our == their or (our.startswith("error: ") and their.startswith("error: ")):
            continue
        reason = next((entry["reason"] for entry in judged if re.search(entry.get("expr", ""), expression, re.S)
                       and re.search(entry["cel"], their, re.S) and re.search(entry["hookweir"], our, re.S)), None)
        used[reason] += 1
        if reason is None:
            seed = options.first + line["id"] // EXPRESSIONS
            failed.add(seed)
            print(f"seed {seed}: {expression}\n  cel-cpp:  {their[:300]}\n  hookweir: {our[:300]}")
            print("  with " + json.dumps({n: line["bindings"][n] for n in KINDS if re.search(rf"\b{n}\b", expression)}))
    for reason, count in used.items():
        if reason is not None:
            print(f"judged, {count} times: {reason}")
    print(f"{len(lines)} expressions; cel-cpp: {dict(counts)}")
    if counts["values"] < len(lines) // 3:
        sys.exit("too few expressions have a value: the comparison says little")
    state = "FAILED" if failed else "ok"
    print(f"test result: {state}. {options.seeds - len(failed)} passed; {len(failed)} failed; 0 ignored")
    # The wheel may crash when the interpreter is taken down.
    sys.stdout.flush()
    os._exit(1 if failed else 0)


if __name__ == "__main__":
    main()
