-- What wrk sends: payments between random people, each with a key of its own.
--
--     wrk … -s payments.lua URL -- TOKENS RUN AMOUNT [strict]
--
-- TOKENS is a file of lines "username access_token". RUN makes the keys of this run unlike those of any
-- other. With "strict" every answer is looked at, which costs wrk time: that is for the warm-up, while the
-- measured runs count answers of 400 and above, which wrk counts by itself.

local threads = 0
local all = {}

function setup(thread)
  thread:set("id", threads)
  threads = threads + 1
  table.insert(all, thread)
end

function init(arguments)
  people, authorizations = {}, {}
  for line in io.lines(arguments[1]) do
    local name, token = line:match("^(%S+) (%S+)$")
    people[#people + 1] = name
    authorizations[#authorizations + 1] = "Bearer " .. token
  end
  assert(#people >= 2, "payments need two people at least")
  run, amount, sent, unexpected = arguments[2], arguments[3], 0, 0
  math.randomseed(tonumber(run) + id)
  headers = { ["Content-Type"] = "application/json" }
  if arguments[4] == "strict" then response = look end
end

function request()
  local payer = math.random(#people)
  local receiver = (payer + math.random(#people - 1) - 1) % #people + 1
  sent = sent + 1
  headers["Authorization"] = authorizations[payer]
  headers["Idempotency-Key"] = run .. "-" .. id .. "-" .. sent
  local body = '{"to":"' .. people[receiver] .. '","amount":' .. amount .. ',"currency":"KES"}'
  return wrk.format("POST", "/v1/transfers", headers, body)
end

function look(status, _, body)
  if status ~= 201 then
    unexpected = unexpected + 1
    if unexpected <= 3 then io.stderr:write(status, " ", body, "\n") end
  end
end

function done(summary, latency)
  local errors, unexpected = summary.errors, 0
  for _, thread in ipairs(all) do unexpected = unexpected + thread:get("unexpected") end
  io.write(string.format(
    'result {"requests":%d,"microseconds":%d,"p50":%d,"p99":%d,"unexpected":%d,"lost":%d}\n',
    summary.requests, summary.duration, latency:percentile(50), latency:percentile(99),
    math.max(unexpected, errors.status),
    errors.connect + errors.read + errors.write + errors.timeout))
end
