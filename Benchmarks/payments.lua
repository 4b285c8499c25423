-- POST /v1/transfers between random people; with `hot=1`, every other one goes to the first.
--
--     wrk … -s payments.lua URL -- tokens=FILE run=NUMBER amount=MINOR [hot=1] [strict=1]

dofile("people.lua")

function init(arguments)
  read_options(arguments)
  read_people("/v1/transfers")
  tails = {}
  for number, name in ipairs(people) do
    tails[number] = tail(
      '{"to":"' .. name .. '","amount":' .. options.amount .. ',"currency":"KES"}')
  end
end

-- The next payment; `headers` come before its length.
function payment(headers)
  local payer, receiver
  if options.hot and math.random() < 0.5 then
    payer, receiver = math.random(2, #people), 1
  else
    payer, receiver = random_pair()
  end
  sent = sent + 1
  return heads[payer] .. sent .. headers .. tails[receiver]
end

function request() return payment("") end

function look(status) return status == 201 end
