// The atomic steps, in Lua, as Redis 5 and later run it. Rows stay opaque texts: nothing is parsed as JSON, which would
// lose digits.
//
// Keys of one table share a hash tag, so that a step runs on one node of a cluster. After the table's prefix:
//   r:<key>     a row: its value; if it has links, for each of them NUL NUL mark space NUL text (mark "!" for a unique one,
//               "=" for others), and a NUL at the end
//   k           sorted set of the keys, all of score 0: the rows in order
//   i:<space>   sorted set of the entries (text NUL key) of an index
// Rows expire by themselves; their entries stay until a read or a write meets them.

const shared = `
local function valueOf(text)
  local nul = string.find(text, '\\0', 1, true)
  return nul and string.sub(text, 1, nul - 1) or text
end

local function hasLink(text, mark, space, indexed)
  return string.find(text, '\\0\\0' .. mark .. space .. '\\0' .. indexed .. '\\0', 1, true) ~= nil
end
`;

/**
 * Writes rows and their index entries, all or none.
 *
 * - KEYS: the row of each change, then the row of each check.
 * - ARGV: five for each change: the table's prefix; the row's key; what is expected (`*` anything, `-` no row, `+` a row,
 *   `=` and a value); the new row as it is stored, or nothing to remove it; milliseconds until it expires, or nothing. Then one
 *   for each check: what is expected. Rows that are checked have no index entries.
 * - Returns 1 when it is done; else `stale` and the number of the check, from 0; `conflict` and the number of the change; or `taken`, the
 *   number of the change, the space and the owner's key.
 */
export const writeScript = `
local function differs(text, expected)
  local mark = string.sub(expected, 1, 1)
  return (mark == '-' and text) or (mark == '+' and not text) or (mark == '=' and text ~= string.sub(expected, 2))
end

local count = (#ARGV - #KEYS) / 4
for i = count + 1, #KEYS do
  if differs(redis.call('GET', KEYS[i]), ARGV[4 * count + i]) then
    return {'stale', i - count - 1}
  end
end

-- One row without index entries, before and after, is most writes: it needs none of what follows.
if count == 1 and not string.find(ARGV[4], '\\0', 1, true) then
  local old = redis.call('GET', KEYS[1])
  if not (old and string.find(old, '\\0', 1, true)) then
    if differs(old, ARGV[3]) then
      return {'conflict', 0}
    end
    if ARGV[4] == '' then
      redis.call('DEL', KEYS[1])
      redis.call('ZREM', ARGV[1] .. 'k', ARGV[2])
      return 1
    end
    if ARGV[5] == '' then
      redis.call('SET', KEYS[1], ARGV[4])
    else
      redis.call('SET', KEYS[1], ARGV[4], 'PX', ARGV[5])
    end
    if not old then
      redis.call('ZADD', ARGV[1] .. 'k', 0, ARGV[2])
    end
    return 1
  end
end
${shared}
local function linksOf(text)
  local links = {}
  local from = string.find(text, '\\0\\0', 1, true)
  while from do
    local middle = string.find(text, '\\0', from + 2, true)
    local to = string.find(text, '\\0', middle + 1, true)
    links[#links + 1] = {
      mark = string.sub(text, from + 2, from + 2),
      space = string.sub(text, from + 3, middle - 1),
      text = string.sub(text, middle + 1, to - 1),
    }
    from = string.find(text, '\\0\\0', to, true)
  end
  return links
end

-- Lua's stack bounds the number of arguments of a command.
local most = 1000

local function readAll()
  if count == 1 then
    return {redis.call('GET', KEYS[1])}
  end
  local texts = {}
  for from = 1, count, most do
    for _, text in ipairs(redis.call('MGET', unpack(KEYS, from, math.min(from + most - 1, count)))) do
      texts[#texts + 1] = text
    end
  end
  return texts
end

local old, changed = readAll(), {}
for i = 1, count do
  if differs(old[i] and valueOf(old[i]), ARGV[5 * i - 2]) then
    return {'conflict', i - 1}
  end
  changed[KEYS[i]] = true
end

local claims = {}
for i = 1, count do
  local prefix = ARGV[5 * i - 4]
  for _, link in ipairs(linksOf(ARGV[5 * i - 1])) do
    if link.mark == '!' then
      local entries = prefix .. 'i:' .. link.space
      local claim = entries .. '\\0' .. link.text
      if claims[claim] then
        return {'taken', i - 1, link.space, claims[claim]}
      end
      claims[claim] = ARGV[5 * i - 3]
      if not (old[i] and hasLink(old[i], '!', link.space, link.text)) then
        for _, entry in ipairs(redis.call('ZRANGEBYLEX', entries, '[' .. link.text .. '\\0', '(' .. link.text .. '\\1')) do
          local owner = string.sub(entry, #link.text + 2)
          local ownerKey = prefix .. 'r:' .. owner
          if not changed[ownerKey] then
            local text = redis.call('GET', ownerKey)
            if text and hasLink(text, '!', link.space, link.text) then
              return {'taken', i - 1, link.space, owner}
            end
          end
        end
      end
    end
  end
end

-- What many changes have in common is done by few commands at the end.
local rows, added = {}, {}
local function add(set, entry)
  local list = added[set]
  if not list then
    list = {}
    added[set] = list
  end
  list[#list + 1] = 0
  list[#list + 1] = entry
end

for i = 1, count do
  local rowKey = KEYS[i]
  local prefix, key, new, expires = ARGV[5 * i - 4], ARGV[5 * i - 3], ARGV[5 * i - 1], ARGV[5 * i]
  if old[i] then
    for _, link in ipairs(linksOf(old[i])) do
      if not (hasLink(new, '=', link.space, link.text) or hasLink(new, '!', link.space, link.text)) then
        redis.call('ZREM', prefix .. 'i:' .. link.space, link.text .. '\\0' .. key)
      end
    end
  end
  if new == '' then
    redis.call('DEL', rowKey)
    redis.call('ZREM', prefix .. 'k', key)
  else
    if expires == '' then
      rows[#rows + 1] = rowKey
      rows[#rows + 1] = new
    else
      redis.call('SET', rowKey, new, 'PX', expires)
    end
    if not old[i] then
      add(prefix .. 'k', key)
    end
    for _, link in ipairs(linksOf(new)) do
      if not (old[i] and (hasLink(old[i], '=', link.space, link.text) or hasLink(old[i], '!', link.space, link.text))) then
        add(prefix .. 'i:' .. link.space, link.text .. '\\0' .. key)
      end
    end
  end
end

for from = 1, #rows, most do
  redis.call('MSET', unpack(rows, from, math.min(from + most - 1, #rows)))
end
for set, list in pairs(added) do
  for from = 1, #list, most do
    redis.call('ZADD', set, unpack(list, from, math.min(from + most - 1, #list)))
  end
end
return 1
`;

/**
 * Reads entries of a sorted set in order, each with its row's value, and removes those whose row is gone or has them no longer.
 *
 * - KEYS: the sorted set.
 * - ARGV: prefix of rows; the space, or nothing for the rows by key; the bounds, low and high, as ZRANGEBYLEX takes them;
 *   `1` to read backwards; the most entries to look at.
 * - Returns the last entry that was looked at, or nothing when there are no more, then entry, value, entry, value …
 */
export const rangeScript = `${shared}
local prefix, space, low, high, limit = ARGV[1], ARGV[2], ARGV[3], ARGV[4], tonumber(ARGV[6])
local entries
if ARGV[5] == '1' then
  entries = redis.call('ZREVRANGEBYLEX', KEYS[1], high, low, 'LIMIT', 0, limit)
else
  entries = redis.call('ZRANGEBYLEX', KEYS[1], low, high, 'LIMIT', 0, limit)
end
if #entries == 0 then
  return {''}
end

local rowKeys, indexed = {}, {}
for i, entry in ipairs(entries) do
  local nul = space ~= '' and string.find(entry, '\\0', 1, true) or 0
  indexed[i] = string.sub(entry, 1, nul - 1)
  rowKeys[i] = prefix .. string.sub(entry, nul + 1)
end

local result = {#entries == limit and entries[#entries] or ''}
for i, text in ipairs(redis.call('MGET', unpack(rowKeys))) do
  if text and (space == '' or hasLink(text, '=', space, indexed[i]) or hasLink(text, '!', space, indexed[i])) then
    result[#result + 1] = entries[i]
    result[#result + 1] = valueOf(text)
  else
    -- A user who may only read cannot remove it; it does no harm.
    redis.pcall('ZREM', KEYS[1], entries[i])
  end
end
return result
`;
