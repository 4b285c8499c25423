-- POST /v1/transfer_batches: one person pays many, each of them at random.
--
--     wrk … -s batches.lua URL --
--         tokens=FILE run=NUMBER amount=MINOR mode=MODE size=COUNT [strict=1]

dofile("people.lua")

function init(arguments)
  read_options(arguments)
  read_people("/v1/transfer_batches")
  size = tonumber(options.size)
  payments = {}
  for number, name in ipairs(people) do
    payments[number] = '{"to":"' .. name .. '","amount":' .. options.amount .. ',"currency":"KES"}'
  end
  all_posted = '^{"posted":' .. size .. ',"replayed":0,"refused":0,'
end

function request()
  local payer, items = math.random(#people), {}
  for number = 1, size do items[number] = payments[other_than(payer)] end
  sent = sent + 1
  return heads[payer] .. sent ..
    tail('{"mode":"' .. options.mode .. '","transfers":[' .. table.concat(items, ",") .. "]}")
end

function look(status, body) return status == 200 and body:find(all_posted) ~= nil end
