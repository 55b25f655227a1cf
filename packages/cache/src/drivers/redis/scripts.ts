// Operations that take more than one command, as scripts. They say what engines/carry-out.ts says; the suite compares them.
// Each has one key. An expiry of 0 is none; TIME is the server's, so that the clocks of callers do not matter.

import { longestPerMs } from "../../engines/bucket.js";

const set = `local function set(value, ttl)
  if ttl == '0' then redis.call('SET', KEYS[1], value) else redis.call('SET', KEYS[1], value, 'PX', ttl) end
end
`;
const safe = `local function safe(sum)
  return sum <= 9007199254740991 and sum >= -9007199254740991
end
`;
const number = `local function number(text)
  local found = string.match(text, '^%-?%d+%.?%d*[eE]?[-+]?%d*$') and tonumber(text)
  if not found then return redis.error_reply('NOTANUMBER the value is not a number') end
  return found
end
`;
const now = `local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
`;
/** How long a lock is remembered after its end. */
const lockMemoryMs = 86_400_000;

export const scripts = {
  /** value, ttl, prolong → what was there */
  bkAdd: `${set}
local there = redis.call('GET', KEYS[1])
if not there then set(ARGV[1], ARGV[2]) return false end
if ARGV[3] == '1' then
  local left = redis.call('PTTL', KEYS[1])
  if left >= 0 then
    if ARGV[2] == '0' then redis.call('PERSIST', KEYS[1])
    elseif left < tonumber(ARGV[2]) then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
  end
end
return there`,
  /** value, ttl, whether something has to be there, what → 1 or 0 */
  bkReplace: `${set}
local there = redis.call('GET', KEYS[1])
if ARGV[3] == '1' then if there ~= ARGV[4] then return 0 end elseif there then return 0 end
set(ARGV[1], ARGV[2])
return 1`,
  /** what has to be there → 1 or 0 */
  bkRemove: `if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('DEL', KEYS[1])
return 1`,
  /** by, ttl, renew → sum */
  bkIncr: `${safe}
local is_new = redis.call('EXISTS', KEYS[1]) == 0
local sum = redis.call('INCRBY', KEYS[1], ARGV[1])
if not safe(sum) then
  if is_new then redis.call('DEL', KEYS[1]) else redis.call('DECRBY', KEYS[1], ARGV[1]) end
  return redis.error_reply('NOTSAFE the sum is not a safe integer')
end
if ARGV[2] ~= '0' and (is_new or ARGV[3] == '1') then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
return sum`,
  /** to, ttl → what was there */
  bkMax: `${set}${number}
local there = redis.call('GET', KEYS[1])
if there then
  local found = number(there)
  if type(found) == 'table' then return found end
  if found >= tonumber(ARGV[1]) then return there end
end
set(ARGV[1], ARGV[2])
return there`,
  /** ttl → 1 or 0 */
  bkTouch: `if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
if ARGV[1] == '0' then redis.call('PERSIST', KEYS[1]) else redis.call('PEXPIRE', KEYS[1], ARGV[1]) end
return 1`,
  /** A reply of its own: clients make objects of HGETALL, in which some names are lost. */
  bkMapAll: `return redis.call('HGETALL', KEYS[1])`,
  /** ttl, field, value, … */
  bkMapPut: `for i = 2, #ARGV, 2 do redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1]) end
if ARGV[1] ~= '0' then redis.call('PEXPIRE', KEYS[1], ARGV[1]) end
return 1`,
  /** ttl, field, by → sum */
  bkMapIncr: `${safe}
local is_new = redis.call('HEXISTS', KEYS[1], ARGV[2]) == 0
local sum = redis.call('HINCRBY', KEYS[1], ARGV[2], ARGV[3])
if not safe(sum) then
  if is_new then redis.call('HDEL', KEYS[1], ARGV[2]) else redis.call('HINCRBY', KEYS[1], ARGV[2], -ARGV[3]) end
  return redis.error_reply('NOTSAFE the sum is not a safe integer')
end
if ARGV[1] ~= '0' then redis.call('PEXPIRE', KEYS[1], ARGV[1]) end
return sum`,
  /** ttl, field, to → what was there */
  bkMapMax: `${number}
local there = redis.call('HGET', KEYS[1], ARGV[2])
if there then
  local found = number(there)
  if type(found) == 'table' then return found end
  if found >= tonumber(ARGV[3]) then return there end
end
redis.call('HSET', KEYS[1], ARGV[2], ARGV[3])
if ARGV[1] ~= '0' then redis.call('PEXPIRE', KEYS[1], ARGV[1]) end
return there`,
  /** ttl, member, … → how many were new, size */
  bkListAdd: `local added = 0
for i = 2, #ARGV do added = added + redis.call('SADD', KEYS[1], ARGV[i]) end
local size = redis.call('SCARD', KEYS[1])
if ARGV[1] ~= '0' and size > 0 then redis.call('PEXPIRE', KEYS[1], ARGV[1]) end
return {added, size}`,
  /** A hash: o(wner), u(ntil), t(oken). owner, ttl → token, how long the holder has it */
  bkLock: `${now}
local lock = redis.call('HMGET', KEYS[1], 'o', 'u', 't')
local held_until = tonumber(lock[2] or '0')
local token = tonumber(lock[3] or '0')
if held_until > now then
  if lock[1] ~= ARGV[1] then return {'0', tostring(held_until - now)} end
else
  token = math.max(token + 1, now)
end
local text = string.format('%.0f', token)
redis.call('HSET', KEYS[1], 'o', ARGV[1], 'u', string.format('%.0f', now + ARGV[2]), 't', text)
redis.call('PEXPIRE', KEYS[1], string.format('%.0f', ARGV[2] + ${lockMemoryMs}))
return {text, '0'}`,
  /** owner, ttl → 1 or 0 */
  bkExtend: `${now}
local lock = redis.call('HMGET', KEYS[1], 'o', 'u')
if lock[1] ~= ARGV[1] or tonumber(lock[2] or '0') <= now then return 0 end
redis.call('HSET', KEYS[1], 'u', string.format('%.0f', now + ARGV[2]))
redis.call('PEXPIRE', KEYS[1], string.format('%.0f', ARGV[2] + ${lockMemoryMs}))
return 1`,
  /** owner, or nothing for whoever holds it → 1 or 0 */
  bkUnlock: `${now}
local lock = redis.call('HMGET', KEYS[1], 'o', 'u')
if tonumber(lock[2] or '0') <= now or (ARGV[1] ~= '' and lock[1] ~= ARGV[1]) then return 0 end
redis.call('HSET', KEYS[1], 'o', '', 'u', '0')
redis.call('PEXPIRE', KEYS[1], ${lockMemoryMs})
return 1`,
  bkLocked: `${now}
return tonumber(redis.call('HGET', KEYS[1], 'u') or '0') > now and 1 or 0`,
  /** A hash: n (tokens), m (time), c(alls), f(actor). rate, perMs, burst, cost, ttl, reset, multiplier → 1 or 0, delay, tokens, calls */
  bkLimit: `${now}
local rate, per, burst, cost = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local ttl, reset, multiplier = tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(ARGV[7])
local bucket = redis.call('HMGET', KEYS[1], 'n', 'm', 'c', 'f')
local tokens, at = tonumber(bucket[1] or ''), tonumber(bucket[2] or '')
local calls, factor = tonumber(bucket[3] or '0') + 1, tonumber(bucket[4] or '1')
if tokens and at and at - now <= burst * per * factor / rate then
  tokens = math.min(burst, tokens + math.max(0, now - at) * rate / (per * factor))
  at = math.max(at, now)
else
  tokens, at = burst, now
end
local allowed, delay = 0, 0
if tokens + 1e-9 >= cost then
  allowed = 1
  tokens = math.max(0, tokens - cost)
  if multiplier < 0 then factor = 1 end
else
  factor = math.max(factor, math.min(factor * math.abs(multiplier), ${longestPerMs} / per))
  delay = math.max(1, math.ceil((cost - tokens) * per * factor / rate))
end
if (reset == 1 and allowed == 0) or (reset > 1 and calls >= reset) then
  redis.call('DEL', KEYS[1])
else
  redis.call('HSET', KEYS[1], 'n', string.format('%.17g', tokens), 'm', string.format('%.0f', at),
    'c', string.format('%.0f', calls), 'f', string.format('%.17g', factor))
  redis.call('PEXPIRE', KEYS[1], string.format('%.0f', math.max(ttl, math.ceil((burst - tokens) * per * factor / rate)) + 1000))
end
return {allowed, string.format('%.0f', delay), string.format('%.0f', math.floor(tokens + 1e-9)), calls}`,
} as const;

/** Writes many values with one expiry: ttl, value, … for as many keys. */
export const putManyScript = `for i = 1, #KEYS do redis.call('SET', KEYS[i], ARGV[i + 1], 'PX', ARGV[1]) end
return 1`;

export type ScriptName = keyof typeof scripts;
