-- Replaces one client's registration if it still is the one that the caller saw, and the keys that lead to it with it.
--
-- KEYS   the registrations by client id; the clients by key digest. One hash tag for both.
-- ARGV   the client's id; the registration as it was seen, as it is to be: '' for none; how many digests go;
--        those digests; then digest and client for each one that comes
-- Gives  1, or 0 where the registration was another and nothing was done

local registrations, clients = KEYS[1], KEYS[2]
if (redis.call('HGET', registrations, ARGV[1]) or '') ~= ARGV[2] then
  return 0
end
local going = tonumber(ARGV[4])
for index = 5, 4 + going do
  redis.call('HDEL', clients, ARGV[index])
end
for index = 5 + going, #ARGV, 2 do
  redis.call('HSET', clients, ARGV[index], ARGV[index + 1])
end
if ARGV[3] == '' then
  redis.call('HDEL', registrations, ARGV[1])
else
  redis.call('HSET', registrations, ARGV[1], ARGV[3])
end
return 1
