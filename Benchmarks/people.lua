-- What the scripts for wrk share: options, the seeded people, and the sums of what threads saw.
--
--     wrk … -s SCRIPT URL -- tokens=FILE run=NUMBER [strict=1] …
--
-- `tokens` is a file of lines "username access_token". `run` makes the keys of this run unlike
-- those of any other. With `strict` every answer is looked at, which costs wrk time: that is for
-- warm-ups, while measured runs count answers of 400 and above, which wrk counts by itself.

local threads = {}

function setup(thread)
  thread:set("id", #threads)
  threads[#threads + 1] = thread
end

-- Each thread's number of this name, added up.
function total(name)
  local sum = 0
  for _, thread in ipairs(threads) do sum = sum + (thread:get(name) or 0) end
  return sum
end

function each_thread() return ipairs(threads) end

function read_options(arguments)
  options = {}
  for _, argument in ipairs(arguments) do
    local name, value = argument:match("^(%w+)=(.*)$")
    options[name] = value
  end
  sent, unexpected = 0, 0
  math.randomseed(tonumber(options.run) + id)
  if options.strict and look then
    response = function(status, headers, body)
      if not look(status, body) then complain(status, body) end
    end
  end
end

function complain(status, body)
  unexpected = unexpected + 1
  if unexpected <= 3 then io.stderr:write(status, " ", body:sub(1, 300), "\n") end
end

-- What stands before and after the number of a request from each person.
function read_people(path)
  people, heads = {}, {}
  for line in io.lines(options.tokens) do
    local name, token = line:match("^(%S+) (%S+)$")
    people[#people + 1] = name
    heads[#heads + 1] = head("POST", path, token) ..
      "Content-Type: application/json\r\nIdempotency-Key: " .. options.run .. "-" .. id .. "-"
  end
  assert(#people >= 2, "payments need two people at least")
end

-- wrk would put each request together from a table; these are put together once.
function head(method, path, token)
  return method .. " " .. path .. " HTTP/1.1\r\nHost: " .. wrk.headers["Host"] ..
    "\r\nAuthorization: Bearer " .. token .. "\r\n"
end

function tail(body) return "\r\nContent-Length: " .. #body .. "\r\n\r\n" .. body end

-- Two different people at random.
function random_pair()
  local payer = math.random(#people)
  return payer, other_than(payer)
end

function other_than(payer)
  return (payer + math.random(#people - 1) - 1) % #people + 1
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    'result {"requests":%d,"microseconds":%d,"p50":%d,"p99":%d,"sent":%d,"unexpected":%d,' ..
      '"lost":%d}\n',
    summary.requests, summary.duration, latency:percentile(50), latency:percentile(99),
    total("sent"), math.max(total("unexpected"), errors.status),
    errors.connect + errors.read + errors.write + errors.timeout))
end
