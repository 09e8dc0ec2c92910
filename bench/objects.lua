-- What wrk sends, and how it says what came of it: as JSON, on the last line.
--
--   wrk ... -s objects.lua URL -- get FOLDER FILES
--   wrk ... -s objects.lua URL -- put FOLDER BYTES
--
-- get: files of timed_loops, at random. put: a new name each time, by thread and number.

local thread_count = 0
local body

function setup(thread)
  thread:set("thread_id", thread_count)
  thread_count = thread_count + 1
end

-- As the file set of timed_loops names them.
local function file_path(folder, file)
  return string.format("/%s/d%05d/f%07d", folder, math.floor(file / 500), file)
end

function init(args)
  local verb, folder, number = args[1], args[2], tonumber(args[3])
  if verb == "get" then
    local requests = {}
    for file = 0, number - 1 do requests[file + 1] = wrk.format("GET", file_path(folder, file)) end
    math.randomseed(thread_id + 1)
    request = function() return requests[math.random(number)] end
    return
  end
  body = string.rep("0123456789abcdef", math.ceil(number / 16)):sub(1, number)
  local next_number = 0
  request = function()
    next_number = next_number + 1
    return wrk.format("PUT", string.format("/%s/%d-%d", folder, thread_id, next_number), nil, body)
  end
end

function done(summary)
  local errors = summary.errors
  io.write(string.format('\n{"operations": %d, "seconds": %f, "bytes": %d, "errors": %d}\n', summary.requests,
    summary.duration / 1e6, summary.bytes, errors.connect + errors.read + errors.write + errors.status + errors.timeout))
end
