-- One client's quota, by the rules of domain/quota_account.py: all of a charge or nothing, and settled once.
-- Every number is a whole one below 2^53, where Lua's doubles are exact. Times are milliseconds, levels parts of a unit.
--
-- KEYS   the account; the answers under way, by when they expire; the reservation, or for renew all that are renewed.
--        One hash tag for all of them.
-- ARGV   the verb; how long a lease lives; the lowest level; how long to wait for a lease;
--        requests: full, gained in a millisecond; tokens: the same (full is 0 where there is no such bucket);
--        the concurrency, -1 for none
--        take: requests and tokens charged, 1 for a lease    settle: tokens used
--        spend: requests and tokens that were used elsewhere; below 0 they come back
-- Gives  take: what there is to wait for, 0 where it was taken; requests and tokens left; answers under way

local account, leases, reservation = KEYS[1], KEYS[2], KEYS[3]
local verb, lease_ms, lowest, lease_wait = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local requests = { full = tonumber(ARGV[5]), per_ms = tonumber(ARGV[6]) }
local tokens = { full = tonumber(ARGV[7]), per_ms = tonumber(ARGV[8]) }
local concurrency = tonumber(ARGV[9])

local function text(number)
  return string.format('%.0f', number)
end

local function quotient(a, b) -- of whole numbers, rounded down; exact, because the division leaves no rest
  return (a - math.fmod(a, b)) / b
end

local function wait_ms(bucket, wanted) -- until the level is `wanted`, rounded up
  local missing = wanted - bucket.level
  if missing <= 0 then
    return 0
  end
  return quotient(missing + bucket.per_ms - 1, bucket.per_ms)
end

local function refill(bucket, level, elapsed)
  bucket.level = tonumber(level) or bucket.full
  local missing = bucket.full - bucket.level
  if missing > 0 then
    if elapsed > quotient(missing, bucket.per_ms) then
      bucket.level = bucket.full
    else
      bucket.level = bucket.level + elapsed * bucket.per_ms
    end
  end
end

-- The state at this moment. Time is what the server's clock gained since it was looked at last. One that was set back
-- gained nothing and goes on from where it is: `ahead` is how much more the account counted by then.
local clock = redis.call('TIME')
local now = tonumber(clock[1]) * 1000 + math.floor(tonumber(clock[2]) / 1000)
local kept = redis.call('HMGET', account, 'at', 'requests', 'tokens', 'refused', 'ahead')
local last = tonumber(kept[1]) or now
local ahead = tonumber(kept[5]) or 0
if now < last then
  ahead = ahead + last - now
  redis.call('HSET', account, 'ahead', text(ahead))
end
local at = now + ahead
refill(requests, kept[2], math.max(0, now - last))
refill(tokens, kept[3], math.max(0, now - last))
local refused = tonumber(kept[4]) or 0 -- those that lacked requests since one was taken
if concurrency >= 0 then
  redis.call('ZREMRANGEBYSCORE', leases, '-inf', text(at))
  if not kept[1] then -- evicted, and with it how much it was ahead
    redis.call('ZREMRANGEBYSCORE', leases, '(' .. text(at + lease_ms), '+inf')
  end
end
local held = redis.call('HMGET', reservation, 'until', 'tokens', 'requests_left', 'tokens_left', 'leases')
if held[1] and tonumber(held[1]) <= at then
  held = {}
end

-- Kept until it is as if it had never been: full again, and no reservation alive.
local function keep()
  redis.call('HSET', account, 'at', text(now), 'requests', text(requests.level), 'tokens', text(tokens.level),
    'refused', text(refused))
  local longest = math.max(lease_ms, wait_ms(requests, requests.full), wait_ms(tokens, tokens.full))
  redis.call('PEXPIRE', account, text(longest))
end

local function hold(key, ...) -- a reservation, for a lease's life from now
  redis.call('HSET', key, 'until', text(at + lease_ms), ...)
  redis.call('PEXPIRE', key, text(lease_ms))
  if concurrency >= 0 then
    redis.call('PEXPIRE', leases, text(lease_ms))
  end
end

if verb == 'take' then
  if held[1] then
    keep()
    return { 0, tonumber(held[3]), tonumber(held[4]), tonumber(held[5]) }
  end
  local cost_requests, cost_tokens, lease = tonumber(ARGV[10]), tonumber(ARGV[11]), ARGV[12] == '1'
  local under_way = concurrency >= 0 and redis.call('ZCARD', leases) or 0
  local wait = 0
  if cost_requests > 0 and cost_requests > requests.level then
    refused = math.min(refused + 1, math.max(1, quotient(requests.full, cost_requests)))
    wait = wait_ms(requests, refused * cost_requests)
  end
  if cost_tokens > 0 then
    wait = math.max(wait, wait_ms(tokens, cost_tokens))
  end
  if lease and concurrency >= 0 and under_way >= concurrency then
    wait = math.max(wait, lease_wait)
  end
  if wait == 0 then
    if cost_requests > 0 then
      refused = 0
    end
    requests.level = requests.level - cost_requests
    tokens.level = tokens.level - cost_tokens
    if lease and concurrency >= 0 then
      redis.call('ZADD', leases, text(at + lease_ms), reservation)
      under_way = under_way + 1
    end
    hold(reservation, 'tokens', text(cost_tokens), 'requests_left', text(requests.level), 'tokens_left', text(tokens.level),
      'leases', under_way)
  end
  keep()
  return { wait, requests.level, tokens.level, under_way }
end

local function drain(bucket, parts)
  bucket.level = math.min(bucket.full, math.max(lowest, bucket.level - parts))
end

if verb == 'renew' then
  for index = 3, #KEYS do
    local ends = redis.call('HGET', KEYS[index], 'until')
    if ends and tonumber(ends) > at then
      redis.call('ZADD', leases, 'XX', text(at + lease_ms), KEYS[index])
      hold(KEYS[index])
    end
  end
elseif verb == 'spend' and not held[1] then
  drain(requests, tonumber(ARGV[10]))
  drain(tokens, tonumber(ARGV[11]))
  hold(reservation, 'tokens', '0', 'requests_left', text(requests.level), 'tokens_left', text(tokens.level), 'leases', 0)
elseif held[1] and verb == 'settle' then
  drain(tokens, tonumber(ARGV[10]) - tonumber(held[2]))
  redis.call('ZREM', leases, reservation)
  redis.call('DEL', reservation)
end
keep()
return { 0, requests.level, tokens.level, 0 }
