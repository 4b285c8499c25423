-- GET of random paths, each with its owner's token.
--
--     wrk … -s reads.lua URL -- paths=FILE run=NUMBER [strict=1]
--
-- `paths` is a file of lines "path access_token".

dofile("people.lua")

function init(arguments)
  read_options(arguments)
  requests = {}
  for line in io.lines(options.paths) do
    local path, token = line:match("^(%S+) (%S+)$")
    requests[#requests + 1] = head("GET", path, token) .. "\r\n"
  end
end

function request()
  sent = sent + 1
  return requests[math.random(#requests)]
end

function look(status, body) return status == 200 and body:find('"available":', 1, true) ~= nil end
