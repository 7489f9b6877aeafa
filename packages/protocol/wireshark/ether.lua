-- Ether's protocol for Wireshark (docs/protocol.md).
-- Written by `python -m ether_protocol wireshark`: change that, not this.

local PORT = 9999
local MAGIC = "\xE7\xE7\xE7\xE7"
local MAX_PAYLOAD_BYTES = 16777216
local MAX_BODY_FIELDS = 16384
local UNKNOWN_HEADER_BYTES = 24
local OK = 0xF0
local ERROR = 0xFF
local COMMANDS = {
  [0x01] = "PING",
  [0x02] = "PONG",
  [0x03] = "HELLO",
  [0x04] = "AUTH",
  [0x05] = "STATS",
  [0x10] = "ALLOC",
  [0x11] = "FREE",
  [0x12] = "REALLOC",
  [0x13] = "INFO",
  [0x14] = "LIST",
  [0x20] = "WRITE",
  [0x21] = "READ",
  [0x22] = "FILL",
  [0x23] = "COPY",
  [0x24] = "COMPARE_SWAP",
  [0x25] = "FETCH_ADD",
  [0xF0] = "OK",
  [0xFF] = "ERROR",
}
local ERROR_CODES = {
  [1] = "NO_MEMORY",
  [2] = "INVALID",
  [3] = "CORRUPT",
  [4] = "OVERFLOW",
  [5] = "NETWORK",
  [6] = "TIMEOUT",
  [7] = "NOT_FOUND",
  [8] = "UNAUTHENTICATED",
  [9] = "FORBIDDEN",
  [10] = "QUOTA",
  [11] = "TOO_LARGE",
  [12] = "UNSUPPORTED",
  [13] = "BUSY",
}
local FLAGS = {
  ["SESSION"] = 0x01,
}
local KNOWN_FLAGS = {
  [0x10] = { ["SESSION"] = true },
}
local REPLIES = { [0x02] = true, [0xF0] = true, [0xFF] = true }
local SECRET = { [0x04] = true }
local FILLER_COMMANDS = { [0x10] = true, [0x21] = true }
local V1_WITH_PAYLOAD = { [0x20] = true, [0xF0] = true }
local HEADERS = {
  [1] = { size = 24, fields = {
    { name = "magic", kind = "unsigned", size = 4 },
    { name = "version", kind = "unsigned", size = 1 },
    { name = "command", kind = "unsigned", size = 1 },
    { name = "flags", kind = "unsigned", size = 2 },
    { name = "handle", kind = "unsigned", size = 8 },
    { name = "size", kind = "unsigned", size = 4 },
    { name = "reserved", kind = "unsigned", size = 4 },
  } },
  [2] = { size = 40, fields = {
    { name = "magic", kind = "unsigned", size = 4 },
    { name = "version", kind = "unsigned", size = 1 },
    { name = "command", kind = "unsigned", size = 1 },
    { name = "flags", kind = "unsigned", size = 2 },
    { name = "handle", kind = "unsigned", size = 8 },
    { name = "size", kind = "unsigned", size = 8 },
    { name = "offset", kind = "unsigned", size = 8 },
    { name = "request_id", kind = "unsigned", size = 4 },
    { name = "length", kind = "unsigned", size = 4 },
  } },
}
local REQUEST_BODIES = {
  [0x03] = {
    { name = "name", kind = "text" },
  },
  [0x22] = {
    { name = "byte", kind = "unsigned", size = 1 },
  },
  [0x23] = {
    { name = "source_handle", kind = "unsigned", size = 8 },
    { name = "source_offset", kind = "unsigned", size = 8 },
  },
  [0x24] = {
    { name = "expected", kind = "bytes", size = 8 },
    { name = "desired", kind = "bytes", size = 8 },
  },
  [0x25] = {
    { name = "delta", kind = "signed", size = 8 },
  },
}
local REPLY_BODIES = {
  [0x03] = {
    { name = "name", kind = "name", size = 1 },
    { name = "version", kind = "name", size = 1 },
    { name = "max_payload_bytes", kind = "unsigned", size = 4 },
    { name = "max_memory_bytes", kind = "unsigned", size = 8 },
    { name = "max_handles", kind = "unsigned", size = 8 },
    { name = "auth_needed", kind = "flag", size = 1 },
    { name = "features", kind = "counted", size = 1, element = {
      { name = "", kind = "name", size = 1 },
    } },
    { name = "instance", kind = "unsigned", size = 8 },
  },
  [0x05] = {
    { name = "counters", kind = "counted", size = 4, element = {
      { name = "name", kind = "name", size = 1 },
      { name = "value", kind = "unsigned", size = 8 },
    } },
  },
  [0x13] = {
    { name = "size", kind = "unsigned", size = 8 },
    { name = "flags", kind = "unsigned", size = 2 },
    { name = "created_ms", kind = "unsigned", size = 8 },
  },
  [0x14] = {
    { name = "blocks", kind = "repeated", element = {
      { name = "handle", kind = "unsigned", size = 8 },
      { name = "size", kind = "unsigned", size = 8 },
    } },
  },
  [0x24] = {
    { name = "found", kind = "bytes", size = 8 },
  },
  [0x25] = {
    { name = "found", kind = "unsigned", size = 8 },
  },
}
local ERROR_BODY = {
  { name = "code", kind = "unsigned", size = 2 },
  { name = "message", kind = "text" },
}

local ether = Proto("ether", "Ether Remote Memory")

-- Fields. A name that stands in several declarations is one field of the widest type.

local fields = {}

local NUMBERS = { unsigned = ProtoField.uint64, signed = ProtoField.int64 }

local function declare(path, part)
  local abbreviation, name, kind = "ether." .. path, path:match("[^.]+$"), part.kind
  if fields[path] then
    return
  elseif NUMBERS[kind] then
    fields[path] = NUMBERS[kind](abbreviation, name, base.DEC)
  elseif kind == "flag" then
    fields[path] = ProtoField.bool(abbreviation, name)
  elseif kind == "bytes" then
    fields[path] = ProtoField.bytes(abbreviation, name)
  else
    fields[path] = ProtoField.string(abbreviation, name)
  end
end

local function declare_all(path, parts)
  for _, part in ipairs(parts) do
    local inner = part.name == "" and path or path .. "." .. part.name
    if part.element then
      if part.kind == "counted" then
        declare(inner .. ".count", { kind = "unsigned" })
      end
      declare_all(inner, part.element)
    else
      declare(inner, part)
    end
  end
end

fields.magic = ProtoField.uint32("ether.magic", "magic", base.HEX)
fields.command = ProtoField.uint8("ether.command", "command", base.HEX, COMMANDS)
fields.flags = ProtoField.uint16("ether.flags", "flags", base.HEX)
fields["error.code"] = ProtoField.uint16("ether.error.code", "code", base.DEC, ERROR_CODES)
for name, bit in pairs(FLAGS) do
  local path = "flags." .. name:lower()
  fields[path] = ProtoField.bool("ether." .. path, name, 16, nil, bit)
end
for _, header in pairs(HEADERS) do
  for _, part in ipairs(header.fields) do
    declare(part.name, part)
  end
end
for _, bodies in ipairs({ REQUEST_BODIES, REPLY_BODIES }) do
  for command, parts in pairs(bodies) do
    declare_all(COMMANDS[command]:lower(), parts)
  end
end
declare_all("error", ERROR_BODY)
fields.payload = ProtoField.bytes("ether.payload", "payload")
fields.filler = ProtoField.uint32("ether.filler", "filler of the original C client, bytes")
fields.undecoded = ProtoField.bytes("ether.undecoded", "undecoded")
fields.response_in =
  ProtoField.framenum("ether.response_in", "answered in", base.NONE, frametype.RESPONSE)
fields.response_to =
  ProtoField.framenum("ether.response_to", "answers the request in", base.NONE, frametype.REQUEST)
fields.answers = ProtoField.uint8("ether.answers", "answers", base.HEX, COMMANDS)
fields.time = ProtoField.relative_time("ether.time", "time since the request")

local listed = {}
for _, field in pairs(fields) do
  listed[#listed + 1] = field
end
ether.fields = listed

local errors = {
  refused = ProtoExpert.new(
    "ether.refused", "The server refused", expert.group.RESPONSE_CODE, expert.severity.WARN),
  undecoded = ProtoExpert.new(
    "ether.malformed", "This is no Ether message", expert.group.MALFORMED, expert.severity.ERROR),
}
ether.experts = { errors.refused, errors.undecoded }

local stream_of = Field.new("tcp.stream")

-- What is remembered. Wireshark dissects a packet again whenever it shows it, in any order,
-- so what a first pass found out is kept under the place where it did.

local directions, calls, messages, waiting

function ether.init()
  directions = {} -- by stream and sender: how its next bytes are to be understood
  calls = {} -- by place: that, at the beginning of one call
  messages = {} -- by place: which request and reply belong together
  waiting = {} -- by stream: requests without a reply, oldest first
end

local function copy(state)
  return { fills = state.fills, due = state.due, skip = state.skip }
end

local function state_of(tvb, pinfo, stream)
  local place = table.concat({ pinfo.number, tvb:offset(), tvb:len() }, ":")
  if calls[place] then
    return copy(calls[place]), place
  end
  local sender = stream .. ":" .. pinfo.src_port
  directions[sender] = directions[sender] or { fills = false, due = 0, skip = 0 }
  calls[place] = copy(directions[sender])
  return directions[sender], place
end

-- Replies come in the order of the requests; one of version 2 also names its request.
local function exchange_of(place, pinfo, stream, message)
  if messages[place] then
    return messages[place]
  end
  local queue = waiting[stream] or {}
  waiting[stream] = queue
  local exchange = {}
  if not REPLIES[message.command] then
    exchange = {
      command = message.command,
      version = message.version,
      id = message.id,
      request = pinfo.number,
      asked = pinfo.rel_ts,
    }
    queue[#queue + 1] = exchange
  else
    for turn, request in ipairs(queue) do
      if request.version == message.version and request.id == message.id then
        for _ = 1, turn do
          table.remove(queue, 1)
        end
        exchange = request
        exchange.reply = pinfo.number
        exchange.answered = pinfo.rel_ts
        break
      end
    end
  end
  messages[place] = exchange
  return exchange
end

local function add_exchange(tree, exchange, is_reply)
  if not is_reply then
    if exchange.reply then
      tree:add(fields.response_in, exchange.reply):set_generated()
    end
  elseif exchange.request then
    tree:add(fields.response_to, exchange.request):set_generated()
    tree:add(fields.answers, exchange.command):set_generated()
    local passed = exchange.answered - exchange.asked
    local seconds = math.floor(passed)
    local time = NSTime.new(seconds, math.floor((passed - seconds) * 1e9 + 0.5))
    tree:add(fields.time, time):set_generated()
  end
end

-- Headers and bodies, by their tables.

local function undecoded(tree, range, reason)
  local item = range and tree:add(fields.undecoded, range) or tree
  item:add_proto_expert_info(errors.undecoded, reason)
end

local function add_flags(tree, range, command)
  local item = tree:add(fields.flags, range)
  for name in pairs(KNOWN_FLAGS[command] or {}) do
    item:add(fields["flags." .. name:lower()], range)
  end
end

local function add_header(tree, tvb, header, command)
  local at = 0
  for _, part in ipairs(header.fields) do
    local range = tvb:range(at, part.size)
    if part.name == "flags" then
      add_flags(tree, range, command)
    elseif part.name == "reserved" and command == ERROR then
      tree:add(fields["error.code"], range, range:uint())
    else
      tree:add(fields[part.name], range)
    end
    at = at + part.size
  end
end

local function add_time(item, range)
  local seconds = range:uint64():tonumber() / 1000
  if seconds < 253402300800 then -- the year 10000
    item:append_text(os.date("!  %Y-%m-%d %H:%M:%S UTC", math.floor(seconds)))
  end
end

local add_parts

-- Adds one field that begins at `at` of `data`; returns where it ends, or nil where it is cut.
local function add_part(tree, data, at, path, part, budget)
  local left, size = data:len() - at, part.size or 0
  local inner = part.name == "" and path or path .. "." .. part.name
  if part.kind == "text" then
    tree:add(fields[inner], left > 0 and data:range(at, left) or data:range(at - 1, 0))
    return data:len()
  elseif part.kind == "repeated" then
    while at and at < data:len() do
      at = add_parts(tree, data, at, inner, part.element, budget)
    end
    return at
  elseif left < size then
    return nil
  end
  local range = data:range(at, size)
  if part.kind == "counted" then
    tree:add(fields[inner .. ".count"], range)
    at = at + size
    for _ = 1, range:uint() do
      at = add_parts(tree, data, at, inner, part.element, budget)
      if not at then
        return nil
      end
    end
    return at
  elseif part.kind == "name" then
    local length = range:uint()
    if left < size + length then
      return nil
    end
    local text = length > 0 and data:range(at + size, length):string(ENC_UTF_8) or ""
    tree:add(fields[inner], data:range(at, size + length), text)
    return at + size + length
  end
  local item = tree:add(fields[inner], range)
  if part.name:match("_ms$") then
    add_time(item, range)
  end
  return at + size
end

function add_parts(tree, data, at, path, parts, budget)
  for _, part in ipairs(parts) do
    budget.left = budget.left - 1
    if budget.left < 0 then
      return nil
    end
    local next_at = add_part(tree, data, at, path, part, budget)
    if not next_at then
      budget.at = budget.at or at
      return nil
    end
    at = next_at
  end
  return at
end

local function add_body(tree, data, path, parts)
  local budget = { left = MAX_BODY_FIELDS }
  local at = add_parts(tree, data, 0, path, parts, budget)
  local rest = at or budget.at or 0
  if rest < data:len() then
    undecoded(tree, data:range(rest), at and "bytes behind the body" or "the body does not parse")
  elseif not at then
    undecoded(tree, nil, "the body ends too early")
  end
end

local function add_payload(tree, data, message, answers)
  local path, parts
  if message.version == 2 then
    if message.command == ERROR then
      path, parts = "error", ERROR_BODY
    elseif message.command == OK then
      path, parts = COMMANDS[answers], REPLY_BODIES[answers]
    else
      path, parts = COMMANDS[message.command], REQUEST_BODIES[message.command]
    end
  end
  if SECRET[message.command] then
    tree:add(data:range(), "payload: not shown")
  elseif parts then
    add_body(tree, data, path:lower(), parts)
  else
    tree:add(fields.payload, data:range())
  end
end

-- Messages.

local function read_header(tvb, at, version)
  local header = HEADERS[version]
  local message = { version = version, command = tvb:range(at + 5, 1):uint(), id = 0 }
  local offset = 0
  for _, part in ipairs(header.fields) do
    local range = tvb:range(at + offset, part.size)
    if part.name == "request_id" then
      message.id = range:uint()
    elseif part.name == "length" then
      message.length = range:uint()
    elseif part.name == "handle" then
      message.handle = range:uint64()
    elseif part.name == "size" and version == 1 then
      message.size = range:uint()
    elseif part.name == "reserved" then
      message.code = range:uint()
    end
    offset = offset + part.size
  end
  if version == 1 then
    message.length = V1_WITH_PAYLOAD[message.command] and message.size or 0
  end
  message.believed = message.length <= MAX_PAYLOAD_BYTES
  return message
end

local function title_of(message, exchange)
  local name = COMMANDS[message.command] or string.format("0x%02X", message.command)
  local words = { name, message.version == 1 and "v1" or "#" .. message.id }
  if message.handle:tonumber() ~= 0 then
    words[#words + 1] = "handle=" .. tostring(message.handle)
  end
  if message.version == 1 and message.command == ERROR then
    words[#words + 1] = ERROR_CODES[message.code]
  end
  if message.length > 0 then
    words[#words + 1] = "[" .. message.length .. " bytes]"
  end
  if REPLIES[message.command] and exchange.command then
    words[#words + 1] = "to " .. (COMMANDS[exchange.command] or exchange.command)
  end
  return table.concat(words, " ")
end

-- What the original C client's filler may follow, as docs/protocol.md says.
local function expect_filler(state, message)
  state.due = 0
  if message.version == 1 and FILLER_COMMANDS[message.command] then
    if state.fills then
      state.skip = message.size
    else
      state.due = message.size
    end
  end
end

local function add_message(tvb, at, kept, pinfo, tree, message, place, stream)
  local header = HEADERS[message.version]
  local exchange = exchange_of(place .. "@" .. at, pinfo, stream, message)
  local is_reply = REPLIES[message.command]
  local title = title_of(message, exchange)
  local item = tree:add(ether, tvb:range(at, kept), "Ether, " .. title)
  add_header(item, tvb:range(at, header.size):tvb(), header, message.command)
  add_exchange(item, exchange, is_reply)
  if message.command == ERROR then
    item:add_proto_expert_info(errors.refused, title)
  end
  if kept > header.size then
    local data = tvb:range(at + header.size, kept - header.size)
    add_payload(item, data:tvb(), message, exchange.command)
  end
  if not message.believed then
    undecoded(item, nil, "a payload of " .. message.length .. " bytes is too long")
  elseif kept < header.size + message.length then
    undecoded(item, nil, "the capture has only a part of this message")
  end
  return title
end

-- Where the magic begins in the bytes from `at` on; their end, less a magic that may have begun.
local function next_magic(tvb, at)
  local bytes = tvb:range(at):raw()
  local found = bytes:find(MAGIC, 1, true)
  if found then
    return at + found - 1
  end
  local length = math.min(#MAGIC - 1, #bytes)
  while length > 0 and bytes:sub(-length) ~= MAGIC:sub(1, length) do
    length = length - 1
  end
  return tvb:len() - length
end

local function wait_for(pinfo, at, count)
  pinfo.desegment_offset = at
  pinfo.desegment_len = count or DESEGMENT_ONE_MORE_SEGMENT
end

-- Takes what begins at `at`; returns where it ends and how it is called, or how many bytes it
-- lacks (nil where that is unknown), as `at, nil, lacks`.
local function take(tvb, at, pinfo, tree, state, place, stream, patient)
  local left = tvb:len() - at
  if state.skip > 0 then
    local count = math.min(state.skip, left)
    state.skip = state.skip - count
    local item = tree:add(ether, tvb:range(at, count), "Ether, filler")
    item:add(fields.filler, tvb:range(at, count), count)
    return at + count, "filler"
  end
  local seen = tvb:range(at, math.min(left, #MAGIC)):raw()
  if seen ~= MAGIC:sub(1, #seen) then
    if state.due > 0 and seen:byte(1) ~= MAGIC:byte(1) then
      state.fills, state.skip, state.due = true, state.due, 0
      return at, ""
    end
    state.due = 0
    local ends = math.max(next_magic(tvb, at), at + 1)
    local item = tree:add(ether, tvb:range(at, ends - at), "Ether, no message")
    undecoded(item, tvb:range(at, ends - at), "no magic where a header is due")
    return ends, "no message"
  end
  local version = left > #MAGIC and tvb:range(at + #MAGIC, 1):uint()
  local header = version and HEADERS[version]
  local needed = header and header.size or UNKNOWN_HEADER_BYTES
  local message = header and left >= needed and read_header(tvb, at, version)
  if message and message.believed then
    needed = needed + message.length
  end
  if left < needed and patient then
    -- A number is a promise: asked twice for one message, Wireshark's second pass loses it.
    return at, nil, message and needed - left or nil
  end
  local kept = math.min(left, needed)
  if not message then
    local item = tree:add(ether, tvb:range(at, kept), "Ether, no message")
    local reason = version and not header and "there is no version " .. version
    undecoded(item, tvb:range(at, kept), reason or "the header is cut short")
    state.due = 0
    return at + kept, "no message"
  end
  local title = add_message(tvb, at, kept, pinfo, tree, message, place, stream)
  expect_filler(state, message)
  return at + kept, title
end

function ether.dissector(tvb, pinfo, tree)
  pinfo.cols.protocol = "Ether"
  local stream = tostring(stream_of() or "0")
  local state, place = state_of(tvb, pinfo, stream)
  local patient = pinfo.can_desegment > 0 and tvb:len() == tvb:reported_len()
  local titles, at = {}, 0
  while at < tvb:len() do
    local ends, title, lacks = take(tvb, at, pinfo, tree, state, place, stream, patient)
    if not title then
      wait_for(pinfo, at, lacks)
      break
    end
    if title ~= "" then
      titles[#titles + 1] = title
    end
    at = ends
  end
  if #titles > 0 then
    pinfo.cols.info:set(table.concat(titles, ", ") .. " ")
    pinfo.cols.info:fence()
  end
end

DissectorTable.get("tcp.port"):add(PORT, ether)
