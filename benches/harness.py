"""What `benches/run` and `benches/instructions` share: bodies, answers, servers, the checking.

Nothing here is timed. A server is described once (how it starts, what it should answer) and is
used by both programs, so that both measure the same work. Every answer is compared with the
expected JSON before anything is measured: a server that answers wrongly is left out, loudly.
"""

import copy
import hashlib
import hmac
import http.client
import json
import os
import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path

BENCHES = Path(__file__).resolve().parent
ROOT = BENCHES.parent
PUSH = "/crm/v2/functions/lead_in/actions/execute"
SIGNED = "/crm/v2/functions/lead_signed/actions/execute"
KEPT = "/crm/v2/functions/lead_kept/actions/execute"
STATUS = "/crm/v2/functions/status_ok/actions/execute"
SECRET = (BENCHES / "specs" / "secret").read_text("utf-8").rstrip("\n")
# A key that opens nothing anywhere: it is made here, for these servers.
KEY = "1003." + hashlib.md5(b"hookweir benches").hexdigest() + "." + hashlib.md5(b"key").hexdigest()


class Unavailable(Exception):
    """A server cannot be started here; the text says what is missing."""


# --- bodies ---------------------------------------------------------------------------------


def payload_folder():
    configured = os.environ.get("HOOKWEIR_PAYLOAD_CORPUS")
    return Path(configured) if configured else ROOT / ".." / "shared" / "corpus" / "payloads"


def push_body(commits):
    """GitHub's example of a push, compact, with this many commits.

    The example is one of a tag and has no commit, so commits of GitHub's form are put in: one
    makes the small body, thirty distinct ones the large one.
    """
    path = payload_folder() / "github" / "push.json"
    if not path.is_file():
        raise SystemExit(f"no payload corpus: {path} is not there; set HOOKWEIR_PAYLOAD_CORPUS")
    event = json.loads(path.read_text("utf-8"))
    event["commits"] = [push_commit(event, number) for number in range(commits)]
    event["head_commit"] = copy.deepcopy(event["commits"][-1])
    return json.dumps(event, separators=(",", ":"), ensure_ascii=False).encode()


def short_push_body():
    """The same push without most of its repository, 3 KB."""
    event = json.loads(push_body(1))
    named = ["id", "name", "full_name", "private", "html_url", "url", "created_at", "default_branch"]
    event["repository"] = {name: event["repository"][name] for name in named}
    return json.dumps(event, separators=(",", ":"), ensure_ascii=False).encode()


def push_commit(event, number):
    name = event["pusher"]["name"]
    person = {"name": name, "email": event["pusher"]["email"], "username": name}
    digest = hashlib.sha1(f"commit {number}".encode()).hexdigest()
    return {
        "id": digest,
        "tree_id": hashlib.sha1(f"tree {number}".encode()).hexdigest(),
        "distinct": True,
        "message": f"Say \"hello\" in page {number}\n\nIt was silent.",
        "timestamp": f"2019-05-15T15:{number % 60:02}:28+02:00",
        "url": f"{event['repository']['html_url']}/commit/{digest}",
        "author": person,
        "committer": person,
        "added": [],
        "removed": [],
        "modified": [f"pages/{number}.md"],
    }


def six_fields(body):
    """What W1 must answer, worked out from the body by other means than any server's."""
    event = json.loads(body)
    return {
        "repository": event["repository"]["full_name"],
        "commit": event["head_commit"]["id"],
        "pusher": event["pusher"]["name"],
        "commits": len(event["commits"]),
        "branch": event["ref"].split("/")[-1],
        "messages": [commit["message"] for commit in event["commits"]],
    }


def four_fields(body):
    """What adnanh/webhook can answer of it: no counting, no splitting, no escaping of JSON."""
    event = json.loads(body)
    return {
        "repository": event["repository"]["full_name"],
        "commit": event["head_commit"]["id"],
        "pusher": event["pusher"]["name"],
        "ref": event["ref"],
    }


class Work:
    """One kind of request, and the answer to it; `base` is the server that ratios are taken to."""

    def __init__(self, name, method, path, body, signed=False, base="hyper", connections=None):
        self.name = name
        self.method = method
        self.path = path
        self.body = body
        self.signature = sign(body) if signed else None
        self.base = base
        self.connections = connections

    def headers(self):
        """What comes with a body."""
        if self.body is None:
            return {}
        headers = {"Content-Type": "application/json", "X-GitHub-Event": "push"}
        if self.signature:
            headers["X-Hub-Signature-256"] = self.signature
        return headers

    def target(self, key):
        return f"{self.path}?auth_type=apikey&zapikey={key}"

    def expected(self, server):
        if self.path in (STATUS, KEPT):
            return {"status": "ok"}
        return server.fields(self.body)

    def is_durable(self):
        """Whether it is answered once it is on disk."""
        return self.path == KEPT


def sign(body):
    """As GitHub signs."""
    return "sha256=" + hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()


def works(names):
    def kept(name, body, connections):
        return Work(name, "POST", KEPT, body, base="hyper + log", connections=connections)

    made = {
        "W1-7k": lambda: Work("W1-7k", "POST", PUSH, push_body(1)),
        "W1-25k": lambda: Work("W1-25k", "POST", PUSH, push_body(30)),
        "W3-7k": lambda: Work("W3-7k", "POST", SIGNED, push_body(1), signed=True),
        "W2": lambda: Work("W2", "GET", STATUS, None),
        "W4-3k-64": lambda: kept("W4-3k-64", short_push_body(), 64),
        "W4-3k-256": lambda: kept("W4-3k-256", short_push_body(), 256),
        "W4-7k-64": lambda: kept("W4-7k-64", push_body(1), 64),
        "W4-7k-256": lambda: kept("W4-7k-256", push_body(1), 256),
    }
    return [made[name]() for name in names]


# --- servers --------------------------------------------------------------------------------


class Server:
    """A program that does the work. `command` starts it; the rest has defaults."""

    name = ""
    path_prefix = ""

    def __init__(self, scratch):
        self.scratch = Path(tempfile.mkdtemp(dir=scratch))
        self.port = free_port()
        self.key = KEY
        self.process = None

    def command(self):
        raise NotImplementedError

    def fields(self, body):
        return six_fields(body)

    def offers(self, work):
        return not work.is_durable()

    def start(self, wrap=()):
        """Starts it under `wrap` (taskset, valgrind …) and waits until it listens."""
        log = open(self.scratch / "log", "wb")
        self.process = subprocess.Popen(
            [*wrap, *self.command()],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=self.scratch,
            env=self.environment(),
        )
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                break
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            except OSError:
                time.sleep(0.05)
        self.stop()
        raise Unavailable(f"it did not start:\n{self.log_tail()}")

    def environment(self):
        return dict(os.environ)

    def log_tail(self):
        return (self.scratch / "log").read_text("utf-8", "replace")[-2000:]

    def stop(self):
        """SIGTERM, and the kill only when that is not heard."""
        if self.process is None:
            return
        self.process.terminate()
        try:
            self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process = None

    def tree(self):
        """Its processes that live now."""
        children = {}
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                try:
                    stat = (entry / "stat").read_text()
                except OSError:
                    continue
                parent = int(stat.rpartition(")")[2].split()[1])
                children.setdefault(parent, []).append(int(entry.name))
        found, front = [], [self.process.pid]
        while front:
            pid = front.pop()
            found.append(pid)
            front.extend(children.get(pid, []))
        return found

    def cpu_seconds(self):
        """User and system time of the whole tree, and of children that have ended."""
        ticks = 0
        for pid in self.tree():
            try:
                stat = Path(f"/proc/{pid}/stat").read_text()
            except OSError:
                continue
            fields = stat.rpartition(")")[2].split()
            ticks += sum(int(value) for value in fields[11:15])
        return ticks / os.sysconf("SC_CLK_TCK")

    def resident_bytes(self):
        total = 0
        for pid in self.tree():
            try:
                status = Path(f"/proc/{pid}/status").read_text()
            except OSError:
                continue
            for line in status.splitlines():
                if line.startswith("VmRSS:"):
                    total += int(line.split()[1]) * 1024
        return total


class Bare(Server):
    bench = ""

    def command(self):
        return [built_bench(self.bench), "--port", str(self.port), "--key", self.key]


class BareHyper(Bare):
    name = "hyper"
    bench = "bare_hyper"


class BareWarp(Bare):
    name = "warp"
    bench = "bare_warp"


class BareAppend(Bare):
    name = "hyper + log"
    bench = "bare_append"

    def offers(self, work):
        return work.is_durable()


class Hookweir(Server):
    """The product as shipped: log, limits and metrics on; a hundred functions; SQLite."""

    name = "hookweir"
    functions = 100
    # Set when more are used than one address may open by default.
    connections = None

    def __init__(self, scratch):
        super().__init__(scratch)
        self.binary = Path(os.environ.get("HOOKWEIR_BINARY", target_folder() / "release" / "hookweir"))
        if not self.binary.is_file():
            raise Unavailable(f"{self.binary} is not there: cargo build --release")
        self.admin_port = free_port()
        specs = self.scratch / "specs"
        shutil.copytree(BENCHES / "specs", specs)
        for number in range(self.functions - 4):
            (specs / f"other_{number}.yaml").write_text(other_function(number), "utf-8")
        if self.connections:
            (specs / "gateway.yaml").write_text(
                f"gateway: bench\nlimits:\n  connections_per_address: {self.connections}\n", "utf-8")
        self.key = self.create_key()
        self.ask("deliveries", "pause", "--connection", "sink")

    def offers(self, work):
        return True

    def base(self):
        return [str(self.binary), "-C", str(self.scratch)]

    def environment(self):
        # Nothing of the caller's may change what is measured.
        kept = {name: value for name, value in os.environ.items() if not name.startswith("HOOKWEIR_")}
        return {
            **kept,
            "HOOKWEIR_DATA_DIR": str(self.scratch / "data"),
            "HOOKWEIR_LISTEN": f"127.0.0.1:{self.port}",
            "HOOKWEIR_ADMIN_LISTEN": f"127.0.0.1:{self.admin_port}",
        }

    def create_key(self):
        done = self.ask("keys", "create", "--label", "bench", "--format", "json")
        key = find_key(done.stdout)
        if key is None:
            raise Unavailable(f"`keys create` gave no key: {done.stdout}{done.stderr}")
        return key

    def ask(self, *words):
        return subprocess.run(
            [*self.base(), *words],
            env=self.environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )

    def command(self):
        return [*self.base(), "serve"]


class HookweirPostgres(Hookweir):
    """The same on a PostgreSQL server of its own, on the same core; its CPU and memory are not in
    the figures."""

    name = "hookweir, pg"

    def __init__(self, scratch):
        self.database = tempfile.mkdtemp(dir=scratch)
        os.chmod(scratch, 0o755)
        done = self.postgres("start")
        if done.returncode:
            raise Unavailable(f"no PostgreSQL: {done.stderr}")
        self.url = done.stdout.strip()
        super().__init__(scratch)

    def offers(self, work):
        return work.is_durable()

    def environment(self):
        return {**super().environment(), "HOOKWEIR_STORE": self.url}

    def postgres(self, word):
        script = ROOT / "tests" / "postgres"
        return subprocess.run(["taskset", "-c", "0", str(script), word, self.database],
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)

    def stop(self):
        super().stop()
        self.postgres("stop")


def find_key(text):
    for word in text.replace('"', " ").replace(",", " ").replace("=", " ").split():
        parts = word.split(".")
        if [len(part) for part in parts] == [4, 32, 32]:
            return word
    return None


def other_function(number):
    return (BENCHES / "peers" / "other.yaml").read_text("utf-8").replace("@NUMBER@", str(number))


class Nginx(Server):
    name = "nginx + lua"

    def offers(self, work):
        return work.signature is None and not work.is_durable()

    def __init__(self, scratch):
        super().__init__(scratch)
        self.binary = shutil.which("nginx") or "/usr/sbin/nginx"
        module = Path("/usr/lib/nginx/modules/ngx_http_lua_module.so")
        if not Path(self.binary).is_file() or not module.is_file():
            raise Unavailable("apt-get install nginx-light libnginx-mod-http-lua lua-cjson")
        text = (BENCHES / "peers" / "nginx.conf").read_text("utf-8")
        text = text.replace("@PORT@", str(self.port)).replace("@KEY@", self.key)
        (self.scratch / "nginx.conf").write_text(text.replace("@SCRATCH@", str(self.scratch)), "utf-8")

    def command(self):
        return [self.binary, "-p", str(self.scratch), "-e", str(self.scratch / "error.log"),
                "-c", str(self.scratch / "nginx.conf")]


class Webhook(Server):
    """adnanh/webhook: a process a request; it can pick fields out, not count or split."""

    name = "adnanh/webhook"

    def offers(self, work):
        return work.signature is None and not work.is_durable()

    def __init__(self, scratch):
        super().__init__(scratch)
        self.binary = shutil.which("webhook")
        if self.binary is None:
            raise Unavailable("apt-get install webhook")
        text = (BENCHES / "peers" / "hooks.json").read_text("utf-8").replace("@KEY@", self.key)
        (self.scratch / "hooks.json").write_text(text, "utf-8")

    def command(self):
        return [self.binary, "-hooks", str(self.scratch / "hooks.json"), "-ip", "127.0.0.1",
                "-port", str(self.port), "-urlprefix", "crm/v2/functions"]

    def fields(self, body):
        return four_fields(body)


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def target_folder():
    return Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))


_built = {}


def built_bench(name):
    """The program of a `[[bench]]`, built when it is out of date."""
    if name not in _built:
        done = subprocess.run(
            ["cargo", "bench", "--no-run", "--quiet", "--locked", "--bench", name,
             "--message-format", "json"],
            cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, check=True,
        )
        for line in done.stdout.splitlines():
            message = json.loads(line)
            if message.get("executable") and message["target"]["name"] == name:
                _built[name] = message["executable"]
    return _built[name]


# --- the checking ---------------------------------------------------------------------------


def check_answers(server, work):
    """Says what is wrong with the server's answers, or nothing."""
    expected = work.expected(server)
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    headers = work.headers()
    try:
        for _ in range(3):
            connection.request(work.method, work.target(server.key), work.body, headers)
            reply = connection.getresponse()
            text = reply.read()
            if reply.status != 200:
                return f"{work.name}: answered {reply.status}: {text[:300]!r}"
            if json.loads(text) != expected:
                return f"{work.name}: answered {text[:300]!r}, expected {json.dumps(expected)[:300]}"
            if not (reply.getheader("Content-Type") or "").startswith("application/json"):
                return f"{work.name}: content type {reply.getheader('Content-Type')!r}"
        wrong = server.key[:-1] + ("0" if server.key[-1] != "0" else "1")
        connection.request(work.method, work.target(wrong), work.body, headers)
        reply = connection.getresponse()
        text = reply.read()
        if reply.status == 200 and text.strip() and json_or_none(text) == expected:
            return f"{work.name}: a wrong key was let in"
        if work.signature:
            headers["X-Hub-Signature-256"] = sign(work.body + b" ")
            connection.request(work.method, work.target(server.key), work.body, headers)
            reply = connection.getresponse()
            reply.read()
            if reply.status != 401:
                return f"{work.name}: a wrong signature was answered with {reply.status}"
    except (OSError, ValueError, http.client.HTTPException) as error:
        return f"{work.name}: {type(error).__name__}: {error}"
    finally:
        connection.close()
    return None


def json_or_none(text):
    try:
        return json.loads(text)
    except ValueError:
        return None
