-- The paper's request, for wrk: wrk -t2 -c8 -d30s --latency -s THIS http://127.0.0.1:8080/classification
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
wrk.body = '{"method": "classification", "file_path": "test/20200118.jpg"}'

-- Statuses by count, since wrk itself only tells how many were none of 2xx and 3xx.
local threads = {}

function setup(thread)
  table.insert(threads, thread)
end

function init()
  counts = {}
end

function response(status)
  counts[status] = (counts[status] or 0) + 1
end

function done()
  local all = {}
  for _, thread in ipairs(threads) do
    for status, count in pairs(thread:get("counts")) do
      all[status] = (all[status] or 0) + count
    end
  end
  for status, count in pairs(all) do
    print("status " .. status .. ": " .. count)
  end
end
