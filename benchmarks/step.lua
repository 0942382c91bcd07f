-- The load of wrk: POST steps. Arguments: the file of the body, its media type, "plain" or "keyed", a prefix for keys, and a
-- file with one line per session: path, incarnation, step.
--
-- Plain: one thread for all connections, which takes the sessions in turn. Keyed: one thread and one session for each
-- connection. A thread has a Lua state of its own, a connection waits for its answer before it sends again, and every step
-- makes the next entity tag from the last; so counting gives each connection the tag of its last answer. An error would throw
-- the count out, and every request after it would be refused: it can't go unseen.

local threads = 0

function setup(thread)
  thread:set("number", threads)
  threads = threads + 1
end

local function read(name)
  local file = assert(io.open(name, "rb"))
  local content = file:read("*a")
  file:close()
  return content
end

local function head(path, media_type, body)
  return "POST " .. path .. " HTTP/1.1\r\nHost: " .. wrk.headers["Host"] .. "\r\nContent-Type: " .. media_type
    .. "\r\nContent-Length: " .. #body .. "\r\n"
end

function init(args)
  local body, media_type, mode, prefix = read(args[1]), args[2], args[3], args[4]
  local sessions = {}
  for path, incarnation, step in read(args[5]):gmatch("(%S+) (%S+) (%d+)\n") do
    sessions[#sessions + 1] = { head = head(path, media_type, body), incarnation = incarnation, step = tonumber(step) }
  end
  if mode == "keyed" then
    local session = sessions[number + 1]
    local before = session.head .. 'If-Match: "' .. session.incarnation .. "-"
    local key = '"\r\nIdempotency-Key: ' .. prefix .. string.format("%04d", number)
    local ending = "\r\n\r\n" .. body
    local step = session.step
    -- wrk asks its first thread for one request beforehand, to look at it; that one is not sent.
    if number == 0 then step = step - 1 end
    next_request = function()
      local request = before .. string.format("%d", step) .. key .. string.format("%012d", step) .. ending
      step = step + 1
      return request
    end
  else
    local requests, turn = {}, 0
    for i, session in ipairs(sessions) do requests[i] = session.head .. "\r\n" .. body end
    next_request = function()
      turn = turn % #requests + 1
      return requests[turn]
    end
  end
end

function request()
  return next_request()
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    'result {"requests": %d, "seconds": %.6f, "p50_us": %d, "p99_us": %d, "max_us": %d, "refused": %d, "broken": %d}\n',
    summary.requests, summary.duration / 1e6, latency:percentile(50), latency:percentile(99), latency.max, errors.status,
    errors.connect + errors.read + errors.write + errors.timeout))
end
