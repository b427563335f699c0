"""What admission does inside Redis, where nothing comes between.

Keys of all scripts: the endpoint's running turns, waiting turns, waiters' leases, and shares.
"""

from typing import Final

ENTER: Final = """
local running, waiting, waiters, shares = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local lease, limit = tonumber(ARGV[1]), tonumber(ARGV[2])
local bound, may_wait = tonumber(ARGV[3]), ARGV[4]
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('ZREMRANGEBYSCORE', running, '-inf', now)
for _, gone in ipairs(redis.call('ZRANGEBYSCORE', waiters, '-inf', now)) do
  redis.call('ZREM', waiting, gone)
  redis.call('ZREM', waiters, gone)
end
if redis.call('ZCARD', running) + redis.call('ZCARD', waiting) == 0 then
  redis.call('HDEL', shares, 'virtual')
  for _, name in ipairs(redis.call('HKEYS', shares)) do
    if string.sub(name, 1, 5) == 'user:' then redis.call('HDEL', shares, name) end
  end
end

local function tag_for(user)
  local virtual = tonumber(redis.call('HGET', shares, 'virtual') or '0')
  local last = tonumber(redis.call('HGET', shares, 'user:' .. user) or '0')
  local tag = math.max(virtual, last) + 1
  redis.call('HSET', shares, 'user:' .. user, tag)
  return tag
end
local function admit(turn, tag)
  redis.call('ZADD', running, now + lease, turn)
  if tag > tonumber(redis.call('HGET', shares, 'virtual') or '0') then
    redis.call('HSET', shares, 'virtual', tag)
  end
end

local answers = {}
for i = 5, #ARGV, 2 do
  local turn, user = ARGV[i], ARGV[i + 1]
  if redis.call('ZSCORE', running, turn) then
    redis.call('ZADD', running, now + lease, turn)
    answers[turn] = 0
  elseif not redis.call('ZSCORE', waiting, turn) then
    local waits = redis.call('ZCARD', waiting)
    if waits == 0 and redis.call('ZCARD', running) < limit then
      admit(turn, tag_for(user))
      answers[turn] = 0
    elseif may_wait == '0' or waits >= bound then
      answers[turn] = -1
    else
      local order = redis.call('HINCRBY', shares, 'order', 1) % 1000000000
      redis.call('ZADD', waiting, string.format('%.0f', tag_for(user) * 1000000000 + order), turn)
    end
  end
  if not answers[turn] then redis.call('ZADD', waiters, now + lease, turn) end
end
local free = limit - redis.call('ZCARD', running)
local first = {}
if free > 0 then
  for _, turn in ipairs(redis.call('ZRANGE', waiting, 0, free - 1)) do first[turn] = true end
end
local result = {}
for i = 5, #ARGV, 2 do
  local turn = ARGV[i]
  if not answers[turn] and first[turn] then
    admit(turn, math.floor(tonumber(redis.call('ZSCORE', waiting, turn)) / 1000000000))
    redis.call('ZREM', waiting, turn)
    redis.call('ZREM', waiters, turn)
    answers[turn] = 0
  end
end
for i = 5, #ARGV, 2 do
  local turn = ARGV[i]
  table.insert(result, answers[turn] or redis.call('ZRANK', waiting, turn) + 1)
end
for _, key in ipairs(KEYS) do redis.call('PEXPIRE', key, 3600000) end
table.insert(result, redis.call('HGET', shares, 'mean') or '')
return result
"""
"""Arguments: lease, limit, bound of the queue, whether to wait, then turn and user of each.

Answers for each turn 0 (admitted), its position, or -1 (full); and at last the mean seconds.
"""

HOLD: Final = """
local time = redis.call('TIME')
local ends = time[1] * 1000 + math.floor(time[2] / 1000) + tonumber(ARGV[1])
for i = 2, #ARGV do redis.call('ZADD', KEYS[1], ends, ARGV[i]) end
return 0
"""
"""Arguments: lease, turns that run. Also fills a Redis that was wiped."""

LEAVE: Final = """
for i = 2, #ARGV, 2 do
  redis.call('ZREM', KEYS[1], ARGV[i])
  redis.call('ZREM', KEYS[2], ARGV[i])
  redis.call('ZREM', KEYS[3], ARGV[i])
  local held = tonumber(ARGV[i + 1])
  if held > 0 then
    local mean = tonumber(redis.call('HGET', KEYS[4], 'mean') or ARGV[i + 1])
    redis.call('HSET', KEYS[4], 'mean', mean + (held - mean) * tonumber(ARGV[1]))
  end
end
return 0
"""
"""Arguments: weight of one answer in the mean, then turn and seconds that it ran (0: it did not)
of each.
"""
