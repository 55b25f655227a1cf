// The scripts that look after a queue; queue-scripts.ts says how messages are kept.

import { shared } from "./queue-scripts.js";

/** Returns how many wait, are delayed, run and are dead. */
export const statsScript = `${shared}
local waiting = redis.call('LLEN', B .. 'w') + redis.call('ZCARD', B .. 'p')
for _, group in ipairs(redis.call('HKEYS', B .. 'g')) do
  waiting = waiting + redis.call('LLEN', B .. 'g:' .. group)
end
local running = 0
for _, lease in ipairs(redis.call('ZRANGE', B .. 'l', 0, -1)) do
  running = running + redis.call('HLEN', B .. 'l:' .. lease)
end
return {waiting, redis.call('ZCARD', B .. 'd'), running, redis.call('ZCARD', B .. 'x')}
`;

/** Removes what waits and is delayed; returns how many. What runs keeps its dedupeKey and its group. */
export const purgeScript = `${shared}
local removed = redis.call('LLEN', B .. 'w') + redis.call('ZCARD', B .. 'p') + redis.call('ZCARD', B .. 'd')
for _, group in ipairs(redis.call('HKEYS', B .. 'g')) do
  removed = removed + redis.call('LLEN', B .. 'g:' .. group)
  redis.call('DEL', B .. 'g:' .. group)
end
redis.call('DEL', B .. 'w', B .. 'p', B .. 'd', B .. 'g', B .. 'u')
for _, lease in ipairs(redis.call('ZRANGE', B .. 'l', 0, -1)) do
  for _, message in ipairs(redis.call('HVALS', B .. 'l:' .. lease)) do
    local id, _, _, _, group, dedupe = parse(message)
    if group ~= '' then
      redis.call('HSET', B .. 'g', group, '')
    end
    if dedupe ~= '' then
      redis.call('HSET', B .. 'u', dedupe, id)
    end
  end
end
return removed
`;

/** Removes messages that wait or are delayed, by id (ARGV); returns how many. It looks through all that wait. */
export const removeScript = `${shared}
local wanted, removed = {}, 0
for _, id in ipairs(ARGV) do
  wanted[id] = true
end
-- What is meant is found first and removed then, so that places do not move meanwhile.
local function meant(messages)
  local found = {}
  for _, message in ipairs(messages) do
    if wanted[string.match(message, '^%S+')] then
      found[#found + 1] = message
    end
  end
  return found
end
for _, key in ipairs({'w', 'p', 'd'}) do
  local found = meant(redis.call(key == 'w' and 'LRANGE' or 'ZRANGE', B .. key, 0, -1))
  for _, message in ipairs(found) do
    if key == 'w' then
      redis.call('LREM', B .. key, 1, message)
    else
      redis.call('ZREM', B .. key, message)
    end
    local id, _, _, head, group, dedupe = parse(message)
    -- One that is delayed has not entered its group, unless it is its head.
    release(id, (key ~= 'd' or head == '1') and group or '', dedupe)
    removed = removed + 1
  end
end
for _, group in ipairs(redis.call('HKEYS', B .. 'g')) do
  for _, message in ipairs(meant(redis.call('LRANGE', B .. 'g:' .. group, 0, -1))) do
    redis.call('LREM', B .. 'g:' .. group, 1, message)
    local id, _, _, _, _, dedupe = parse(message)
    release(id, '', dedupe)
    removed = removed + 1
  end
end
return removed
`;

/** Lets dead messages be taken again, by id (ARGV); returns how many. */
export const retryScript = `${shared}
local count = 0
for _, id in ipairs(ARGV) do
  local record = redis.call('HGET', B .. 'xm', id)
  if record then
    local time, at = string.match(record, '^(%d+)\\n[^\\n]*\\n()')
    local message = string.sub(record, at)
    local _, _, priority, _, group, dedupe, body = parse(message)
    if dedupe == '' or redis.call('HSETNX', B .. 'u', dedupe, id) == 1 then
      enter(format(id, 0, priority, '0', group, dedupe, string.sub(message, body)), priority, '0', group)
      redis.call('HDEL', B .. 'xm', id)
      redis.call('ZREM', B .. 'x', time .. ' ' .. id)
      count = count + 1
    end
  end
end
if count > 0 then
  wake()
end
return count
`;

/** Removes dead messages, by id (ARGV); returns how many. */
export const purgeDeadScript = `${shared}
local count = 0
for _, id in ipairs(ARGV) do
  local record = redis.call('HGET', B .. 'xm', id)
  if record then
    redis.call('HDEL', B .. 'xm', id)
    redis.call('ZREM', B .. 'x', string.match(record, '^%d+') .. ' ' .. id)
    count = count + 1
  end
end
return count
`;

/** Puts the token back that a consumer had and did not use. */
export const wakeScript = `${shared}
wake()
return 1
`;
