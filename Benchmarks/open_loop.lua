-- Payments that are due at fixed moments, whether or not earlier ones have been answered.
--
--     wrk … -s open_loop.lua URL --
--         tokens=FILE run=NUMBER amount=MINOR rate=PER_SECOND seconds=COUNT threads=COUNT
--
-- Each thread has a timetable: its k-th payment is due k intervals after its start. A connection
-- that is free takes the next moment of the timetable and waits for it; when all are busy the
-- moments pass, and the payments that were due then are sent late. Latency counts from the moment
-- when a payment was due, so the time that it waited for a free connection is part of it. The
-- moment travels as the request's id, which the server returns.
--
-- wrk waits in whole milliseconds. Waits are rounded up, and what is sent early all the same counts
-- from the sending, so that no latency is told too short.

dofile("payments.lua")

local ffi = require("ffi")
ffi.cdef [[
  typedef struct { long seconds; long nanoseconds; } florin_moment;
  int clock_gettime(int clock, florin_moment *moment);
]]
local CLOCK_MONOTONIC = 1
local moment = ffi.new("florin_moment")

-- Time for the connections to open before the first payment is due.
local LEAD_MICROSECONDS = 100000
-- Longer than any run: what a connection waits when nothing is left to send.
local FOREVER_MILLISECONDS = 3600000
-- Width of a step of the histogram.
local STEP_MICROSECONDS = 100

local prepare = init

local function now()
  ffi.C.clock_gettime(CLOCK_MONOTONIC, moment)
  return tonumber(moment.seconds) * 1e6 + math.floor(tonumber(moment.nanoseconds) / 1000)
end

function init(arguments)
  prepare(arguments)
  local rate, threads = tonumber(options.rate), tonumber(options.threads)
  interval = 1e6 * threads / rate
  offset = id * 1e6 / rate
  payments_due = math.floor(tonumber(options.seconds) * rate / threads)
  planned, answered, slowest, first_due, last_answer = 0, 0, 0, 0, 0
  counts = {}
  due, oldest, newest = {}, 1, 0
end

function delay()
  if planned == 0 then first_due = now() + LEAD_MICROSECONDS + offset end
  if planned == payments_due then return FOREVER_MILLISECONDS end
  newest = newest + 1
  due[newest] = first_due + planned * interval
  planned = planned + 1
  return math.max(0, math.ceil((due[newest] - now()) / 1000))
end

function request()
  -- wrk asks once for a request that it only looks at, before any is due.
  if oldest > newest then return payment("") end
  local moment = math.min(due[oldest], now())
  due[oldest] = nil
  oldest = oldest + 1
  return payment(string.format("\r\nX-Request-Id: %d", moment))
end

function response(status, headers, body)
  if status ~= 201 then return complain(status, body) end
  last_answer = now()
  local latency = math.max(0, last_answer - tonumber(headers["X-Request-Id"]))
  answered = answered + 1
  slowest = math.max(slowest, latency)
  local step = math.floor(latency / STEP_MICROSECONDS)
  counts[step] = (counts[step] or 0) + 1
end

function done(summary)
  local errors = summary.errors
  local steps, seconds, slowest = {}, 0, 0
  for _, thread in each_thread() do
    for step, count in pairs(thread:get("counts")) do
      steps[#steps + 1] = string.format("[%d,%d]", (step + 1) * STEP_MICROSECONDS, count)
    end
    slowest = math.max(slowest, thread:get("slowest"))
    seconds = math.max(seconds, (thread:get("last_answer") - thread:get("first_due")) / 1e6)
  end
  io.write(string.format(
    'result {"due":%d,"sent":%d,"answered":%d,"seconds":%.3f,"slowest":%d,"unexpected":%d,' ..
      '"lost":%d,"latencies":[%s]}\n',
    tonumber(total("payments_due")), total("sent"), total("answered"), seconds, slowest,
    total("unexpected"), errors.connect + errors.read + errors.write + errors.timeout,
    table.concat(steps, ",")))
end
