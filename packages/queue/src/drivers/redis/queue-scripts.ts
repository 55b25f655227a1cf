// The atomic steps of work queues, in Lua. KEYS[1] is what all keys of a queue begin with; it holds a hash tag, so that they lie in
// one slot of a cluster.
//
//   w          list of the messages that may be taken
//   p          sorted set of those with a priority: higher ones first, then in order
//   n          counts what enters p
//   d          sorted set of the delayed ones, by the time that they are due
//   g          hash: groups that have a head, which may be taken, is delayed by a retry, or runs
//   g:<group>  list of the messages of a group behind its head
//   u          hash: dedupeKey of messages that are pending -> their id
//   l          sorted set of leases, by the time that they end. A lease is what one take took
//   l:<lease>  hash: number in the take -> message
//   x          sorted set of the dead ones, all of score 0: time and id
//   xm         hash: id -> time LF error as JSON LF message
//   k          list of at most one token, which a consumer that sleeps waits for. While something may be taken, there is a
//              token, or a consumer that had it is about to take
//
// A message is "<id> <attempts> <body>", or with more to say "<id> <attempts>* <priority> <1 for a head> =<group> =<dedupe> <body>".
// Times are the server's.

/** What the scripts have in common. */
export const shared = `
local B = KEYS[1]

local function clock()
  local t = redis.call('TIME')
  return t[1] * 1000 + math.floor(t[2] / 1000)
end

-- id, attempts, priority, head, group, dedupe, where the body begins
local function parse(message)
  local id, attempts, at = string.match(message, '^(%S+) (%d+) ()')
  if id then
    return id, tonumber(attempts), 0, '0', '', '', at
  end
  local priority, head, group, dedupe
  id, attempts, priority, head, group, dedupe, at = string.match(message, '^(%S+) (%d+)%* (%d) (%d) =(%S*) =(%S*) ()')
  return id, tonumber(attempts), tonumber(priority), head, group, dedupe, at
end

local function format(id, attempts, priority, head, group, dedupe, body)
  if priority == 0 and group == '' and dedupe == '' then
    return id .. ' ' .. attempts .. ' ' .. body
  end
  return id .. ' ' .. attempts .. '* ' .. priority .. ' ' .. head .. ' =' .. group .. ' =' .. dedupe .. ' ' .. body
end

local function wake()
  if redis.call('EXISTS', B .. 'k') == 0 then
    redis.call('RPUSH', B .. 'k', '')
  end
end

-- Lets a message be taken; first: before those that came before it.
local function offer(message, priority, first)
  if priority > 0 then
    local n = redis.call('INCR', B .. 'n')
    redis.call('ZADD', B .. 'p', (9 - priority) * 1e14 + (first and -n or n), message)
  elseif first then
    redis.call('LPUSH', B .. 'w', message)
  else
    redis.call('RPUSH', B .. 'w', message)
  end
end

-- A message whose time has come: it may be taken, or waits behind the head of its group.
local function enter(message, priority, head, group)
  if group == '' then
    offer(message, priority, false)
  elseif head == '1' then
    offer(message, priority, true)
  elseif redis.call('HSETNX', B .. 'g', group, '') == 1 then
    offer(message, priority, false)
  else
    redis.call('RPUSH', B .. 'g:' .. group, message)
  end
end

-- The head of a group is gone: the next one takes its place.
local function moveOn(group)
  local next = redis.call('LPOP', B .. 'g:' .. group)
  if next then
    local _, _, priority = parse(next)
    offer(next, priority, false)
    wake()
  else
    redis.call('HDEL', B .. 'g', group)
  end
end

-- A message is pending no more.
local function release(id, group, dedupe)
  if dedupe ~= '' and redis.call('HGET', B .. 'u', dedupe) == id then
    redis.call('HDEL', B .. 'u', dedupe)
  end
  if group ~= '' then
    moveOn(group)
  end
end

local function delay(message, due)
  redis.call('ZADD', B .. 'd', due, message)
  if redis.call('ZRANGE', B .. 'd', 0, 0)[1] == message then
    wake()
  end
end
`;

/**
 * Adds messages.
 *
 * - ARGV: how many plain ones, those; then for each other one its id, delay, priority, group, dedupeKey, message.
 * - Returns for each of the others nothing, or the id of the equal one that is pending.
 */
export const submitScript = `${shared}
local plain = tonumber(ARGV[1])
if plain > 0 then
  redis.call('RPUSH', B .. 'w', unpack(ARGV, 2, plain + 1))
end
local ids, now = {}, nil
for i = plain + 2, #ARGV, 6 do
  local id, delayMs, priority, group, dedupe, message = unpack(ARGV, i, i + 5)
  local equal = dedupe ~= '' and redis.call('HSETNX', B .. 'u', dedupe, id) == 0 and redis.call('HGET', B .. 'u', dedupe)
  if not equal then
    if delayMs ~= '0' then
      now = now or clock()
      delay(message, now + tonumber(delayMs))
    else
      enter(message, tonumber(priority), '0', group)
    end
  end
  ids[#ids + 1] = equal or ''
end
wake()
return ids
`;

/**
 * Takes messages, after letting in what is due: delayed ones, and those whose lease has ended.
 *
 * - ARGV: most messages, visibility timeout in milliseconds, a new lease.
 * - Returns milliseconds until something is due by itself (-1: nothing is, or not asked for), then the messages, in the order of the lease.
 */
export const takeScript = `${shared}
local count = tonumber(ARGV[1])
local now = clock()

local due = redis.call('ZRANGEBYSCORE', B .. 'd', '-inf', now, 'LIMIT', 0, 500)
if #due > 0 then
  redis.call('ZREM', B .. 'd', unpack(due))
  for _, message in ipairs(due) do
    local _, _, priority, head, group = parse(message)
    enter(message, priority, head, group)
  end
end

local ended = redis.call('ZRANGEBYSCORE', B .. 'l', '-inf', now, 'LIMIT', 0, 10)
for _, lease in ipairs(ended) do
  local key = B .. 'l:' .. lease
  local numbers = redis.call('HKEYS', key)
  table.sort(numbers, function(a, b) return tonumber(a) > tonumber(b) end)
  for _, number in ipairs(numbers) do
    local message = redis.call('HGET', key, number)
    local id, attempts, priority, head, group, dedupe, at = parse(message)
    offer(format(id, attempts + 1, priority, head, group, dedupe, string.sub(message, at)), priority, true)
  end
  redis.call('DEL', key)
  redis.call('ZREM', B .. 'l', lease)
end

local taken = {}
local ranked = redis.call('ZPOPMIN', B .. 'p', count)
for i = 1, #ranked, 2 do
  taken[#taken + 1] = ranked[i]
end
if #taken < count then
  for _, message in ipairs(redis.call('LPOP', B .. 'w', count - #taken) or {}) do
    taken[#taken + 1] = message
  end
end

if #taken > 0 then
  local fields = {}
  for i, message in ipairs(taken) do
    fields[2 * i - 1] = i
    fields[2 * i] = message
  end
  redis.call('HSET', B .. 'l:' .. ARGV[3], unpack(fields))
  redis.call('ZADD', B .. 'l', now + tonumber(ARGV[2]), ARGV[3])
end
if #taken == count then
  if redis.call('EXISTS', B .. 'w', B .. 'p') > 0 then
    wake()
  end
  return {-1, unpack(taken)}
end

local next = -1
for _, key in ipairs({'d', 'l'}) do
  local first = redis.call('ZRANGE', B .. key, 0, 0, 'WITHSCORES')
  if first[2] and (next < 0 or first[2] - now < next) then
    next = math.max(0, math.ceil(first[2] - now))
  end
end
return {next, unpack(taken)}
`;

/**
 * Settles messages. ARGV is a row of steps:
 *
 * - \`d\`, lease, count, numbers: done, with nothing to release
 * - \`D\`, lease, number, id, group, dedupeKey: done
 * - \`r\`, lease, number, delay, the message's new head, length of its old one, priority, group: tried again
 * - \`x\`, lease, number, id, group, dedupeKey, the message's new head, length of its old one, error as JSON: dead
 *
 * Returns 1 or 0 for each message: whether the lease had it.
 */
export const settleScript = `${shared}
local had, leases, at, now = {}, {}, 1, nil

local function drop(lease, number)
  leases[lease] = true
  local removed = redis.call('HDEL', B .. 'l:' .. lease, number)
  had[#had + 1] = removed
  return removed == 1
end

while at <= #ARGV do
  local step, lease = ARGV[at], ARGV[at + 1]
  if step == 'd' then
    local count = tonumber(ARGV[at + 2])
    for i = at + 3, at + 2 + count do
      drop(lease, ARGV[i])
    end
    at = at + 3 + count
  elseif step == 'D' then
    if drop(lease, ARGV[at + 2]) then
      release(ARGV[at + 3], ARGV[at + 4], ARGV[at + 5])
    end
    at = at + 6
  else
    local number = ARGV[at + 2]
    local message = redis.call('HGET', B .. 'l:' .. lease, number)
    drop(lease, number)
    if step == 'r' then
      if message then
        local delayMs, head, length, priority, group = unpack(ARGV, at + 3, at + 7)
        local again = head .. string.sub(message, length + 1)
        if delayMs ~= '0' then
          now = now or clock()
          delay(again, now + tonumber(delayMs))
        else
          offer(again, tonumber(priority), group ~= '')
          wake()
        end
      end
      at = at + 8
    else
      if message then
        local id, group, dedupe, head, length, error = unpack(ARGV, at + 3, at + 8)
        now = now or clock()
        redis.call('ZADD', B .. 'x', 0, string.format('%015d', now) .. ' ' .. id)
        redis.call('HSET', B .. 'xm', id, string.format('%015d', now) .. '\\n' .. error .. '\\n' .. head .. string.sub(message, length + 1))
        release(id, group, dedupe)
      end
      at = at + 9
    end
  end
end

for lease in pairs(leases) do
  if redis.call('EXISTS', B .. 'l:' .. lease) == 0 then
    redis.call('ZREM', B .. 'l', lease)
  end
end
return had
`;

/**
 * Renews leases.
 *
 * - ARGV: visibility timeout; then for each lease: itself, a count, numbers.
 * - Returns 1 or 0 for each number: whether the lease has it.
 */
export const extendScript = `${shared}
local due = clock() + tonumber(ARGV[1])
local has, at = {}, 2
while at <= #ARGV do
  local lease, count = ARGV[at], tonumber(ARGV[at + 1])
  local any = false
  for i = at + 2, at + 1 + count do
    local known = redis.call('HEXISTS', B .. 'l:' .. lease, ARGV[i])
    any = any or known == 1
    has[#has + 1] = known
  end
  if any then
    redis.call('ZADD', B .. 'l', due, lease)
  end
  at = at + 2 + count
end
return has
`;
