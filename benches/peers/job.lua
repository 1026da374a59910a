-- wrk's side: one request over and over, and the figures of the run as one line of JSON.
-- The environment says what: JOB_METHOD, JOB_TARGET, JOB_BODY (a file).

local function read(path)
  local file = assert(io.open(path, "rb"))
  local text = file:read("*a")
  file:close()
  return text
end

wrk.method = os.getenv("JOB_METHOD")
local body = os.getenv("JOB_BODY")
if body then
  wrk.body = read(body)
  wrk.headers["Content-Type"] = "application/json"
  wrk.headers["X-GitHub-Event"] = "push"
  wrk.headers["X-GitHub-Delivery"] = "72d3162e-cc78-11e3-81ab-4c9367dc0958"
  wrk.headers["X-Hub-Signature-256"] = os.getenv("JOB_SIGNATURE")
  wrk.headers["User-Agent"] = "GitHub-Hookshot/044aadd"
end

local prepared

function init()
  prepared = wrk.format(nil, os.getenv("JOB_TARGET"))
end

function request()
  return prepared
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    'figures {"requests":%d,"seconds":%.6f,"p50_us":%d,"p99_us":%d,"bad_status":%d,"broken":%d}\n',
    summary.requests, summary.duration / 1e6, latency:percentile(50), latency:percentile(99),
    errors.status, errors.connect + errors.read + errors.write + errors.timeout))
end
