-- Dissector for LNet over UDP (docs/spec/udp.md): wireshark -X lua_script:docs/lnet-udp.lua
-- Dissects port 988; for another: -o lnetudp.port:NUMBER, or Decode As.

local proto = Proto("lnetudp", "LNet over UDP")

local packet_types = {
  [1] = "INIT", [2] = "RETRY", [3] = "ACCEPT", [4] = "REFUSE", [5] = "DATA", [6] = "RESET", [7] = "PROBE",
}
local frame_kinds = { [0] = "PADDING", [1] = "PING", [2] = "ACK", [3] = "DATA", [4] = "WINDOW", [5] = "CLOSE" }
local refusals = { [1] = "no such NID", [2] = "not accepting", [3] = "version", [4] = "busy" }

local f = {
  version = ProtoField.uint8("lnetudp.version", "Version"),
  type = ProtoField.uint8("lnetudp.type", "Type", base.DEC, packet_types),
  conn_id = ProtoField.uint64("lnetudp.conn_id", "Connection id of the receiver", base.HEX),
  number = ProtoField.uint64("lnetudp.number", "Packet number", base.DEC),
  own_id = ProtoField.uint64("lnetudp.own_id", "Connection id of the dialler or sender", base.HEX),
  src_nid = ProtoField.string("lnetudp.src_nid", "Source NID"),
  dst_nid = ProtoField.string("lnetudp.dst_nid", "Destination NID"),
  incarnation = ProtoField.uint64("lnetudp.incarnation", "Incarnation", base.HEX),
  window = ProtoField.uint64("lnetudp.window", "Window: may send up to", base.DEC),
  pid = ProtoField.uint32("lnetudp.pid", "Pid", base.DEC),
  datagram_max = ProtoField.uint32("lnetudp.datagram_max", "Largest datagram taken", base.DEC),
  ack_delay_max = ProtoField.uint16("lnetudp.ack_delay_max_ms", "Longest delay of acknowledgements, ms", base.DEC),
  token = ProtoField.bytes("lnetudp.token", "Token"),
  reason = ProtoField.uint32("lnetudp.reason", "Reason", base.DEC, refusals),
  versions = ProtoField.bytes("lnetudp.versions", "Versions spoken"),
  frame = ProtoField.none("lnetudp.frame", "Frame"),
  kind = ProtoField.uint8("lnetudp.frame.kind", "Kind", base.DEC, frame_kinds),
  flags = ProtoField.uint8("lnetudp.frame.flags", "Flags", base.HEX),
  bytes = ProtoField.uint16("lnetudp.frame.bytes", "Bytes of the body", base.DEC),
  offset = ProtoField.uint64("lnetudp.data.offset", "Offset in the stream", base.DEC),
  data = ProtoField.bytes("lnetudp.data.bytes", "Bytes of the stream"),
  largest = ProtoField.uint64("lnetudp.ack.largest", "Largest acknowledged", base.DEC),
  delay = ProtoField.uint32("lnetudp.ack.delay_us", "Delay, us", base.DEC),
  first_count = ProtoField.uint32("lnetudp.ack.first_count", "Packets up to the largest", base.DEC),
  gap = ProtoField.uint32("lnetudp.ack.gap", "Packets missing", base.DEC),
  count = ProtoField.uint32("lnetudp.ack.count", "Packets that are there", base.DEC),
  errno = ProtoField.uint32("lnetudp.close.errno", "Errno", base.DEC),
  quoted = ProtoField.bytes("lnetudp.reset.quoted", "Start of the packet that provoked it"),
}
proto.fields = f

local malformed = ProtoExpert.new("lnetudp.malformed", "Malformed", expert.group.MALFORMED, expert.severity.ERROR)
proto.experts = { malformed }

proto.prefs.port = Pref.uint("UDP port", 988, "accept_port of the network")

-- NID in the large form: size, type, number, address; all in network order.
local function nid_text(tvb, at)
  local size, lnd, net = tvb(at, 1):uint(), tvb(at + 1, 1):uint(), tvb(at + 2, 2):uint()
  local address = size == 12 and tostring(tvb(at + 4, 16):ipv6()) or tostring(tvb(at + 4, 4):ipv4())
  local name = lnd == 192 and "udp" or string.format("<%d>", lnd)
  return address .. "@" .. name .. (net > 0 and tostring(net) or "")
end

local function opening(tvb, tree)
  tree:add_le(f.own_id, tvb(20, 8))
  tree:add(f.src_nid, tvb(28, 20), nid_text(tvb, 28))
  tree:add(f.dst_nid, tvb(48, 20), nid_text(tvb, 48))
  tree:add_le(f.incarnation, tvb(68, 8))
  tree:add_le(f.window, tvb(76, 8))
  tree:add_le(f.pid, tvb(84, 4))
  tree:add_le(f.datagram_max, tvb(88, 4))
  tree:add_le(f.ack_delay_max, tvb(92, 2))
  local token = tvb(94, 2):le_uint()
  if token > 0 then tree:add(f.token, tvb(96, token)) end
  return nid_text(tvb, 28) .. " to " .. nid_text(tvb, 48)
end

local function ack(tvb, at, length, tree)
  tree:add_le(f.largest, tvb(at, 8))
  tree:add_le(f.delay, tvb(at + 8, 4))
  tree:add_le(f.first_count, tvb(at + 12, 4))
  for range = at + 16, at + length - 8, 8 do
    tree:add_le(f.gap, tvb(range, 4))
    tree:add_le(f.count, tvb(range + 4, 4))
  end
  return "ACK " .. tostring(tvb(at, 8):le_uint64())
end

-- Body of one frame; gives what the info column says of it.
local function frame_body(kind, tvb, at, length, tree)
  if kind == 2 and length >= 16 then return ack(tvb, at, length, tree) end
  if kind == 3 and length > 8 then
    tree:add_le(f.offset, tvb(at, 8))
    tree:add(f.data, tvb(at + 8, length - 8))
    return string.format("DATA %s+%d", tostring(tvb(at, 8):le_uint64()), length - 8)
  end
  if kind == 4 and length == 8 then
    tree:add_le(f.window, tvb(at, 8))
    return "WINDOW " .. tostring(tvb(at, 8):le_uint64())
  end
  if kind == 5 and length == 4 then
    tree:add_le(f.errno, tvb(at, 4))
    return "CLOSE"
  end
  if kind == 0 then return "PADDING" end
  if kind == 1 and length == 0 then return "PING" end
  tree:add_proto_expert_info(malformed)
  return "malformed"
end

local function frames(tvb, tree)
  local words, at = {}, 20
  while at + 4 <= tvb:len() do
    local kind, length = tvb(at, 1):uint(), tvb(at + 2, 2):le_uint()
    local whole = math.min(4 + length, tvb:len() - at)
    local branch = tree:add(f.frame, tvb(at, whole))
    branch:append_text(": " .. (frame_kinds[kind] or "unknown"))
    branch:add(f.kind, tvb(at, 1))
    branch:add(f.flags, tvb(at + 1, 1))
    branch:add_le(f.bytes, tvb(at + 2, 2))
    if at + 4 + length > tvb:len() then
      branch:add_proto_expert_info(malformed)
      return words
    end
    words[#words + 1] = frame_body(kind, tvb, at + 4, length, branch)
    at = at + 4 + length
  end
  if at ~= tvb:len() or at == 20 then tree:add_proto_expert_info(malformed) end
  return words
end

function proto.dissector(tvb, pinfo, root)
  if tvb:len() < 20 then return 0 end
  pinfo.cols.protocol = "LNetUDP"
  local tree = root:add(proto, tvb())
  local version, type = tvb(0, 1):uint(), tvb(1, 1):uint()
  tree:add(f.version, tvb(0, 1))
  tree:add(f.type, tvb(1, 1))
  tree:add_le(f.conn_id, tvb(4, 8))
  tree:add_le(f.number, tvb(12, 8))
  local info = packet_types[type] or "unknown"
  if version ~= 1 then
    pinfo.cols.info = info .. ", version " .. version
    return tvb:len()
  end
  if (type == 1 or type == 3) and tvb:len() >= 96 then
    info = info .. " " .. opening(tvb, tree)
  elseif type == 2 and tvb:len() >= 36 then
    tree:add_le(f.own_id, tvb(20, 8))
    tree:add(f.token, tvb(36, math.min(tvb(28, 2):le_uint(), tvb:len() - 36)))
  elseif type == 4 and tvb:len() >= 36 then
    tree:add_le(f.own_id, tvb(20, 8))
    tree:add_le(f.reason, tvb(28, 4))
    tree:add(f.versions, tvb(36))
  elseif type == 5 then
    info = tostring(tvb(12, 8):le_uint64()) .. " " .. table.concat(frames(tvb, tree), ", ")
  elseif type == 6 and tvb:len() >= 32 then
    tree:add(f.quoted, tvb(20, 12))
  elseif type ~= 7 then
    tree:add_proto_expert_info(malformed)
  end
  pinfo.cols.info = info
  return tvb:len()
end

-- Registers the port of the preferences, again when they change.
local registered = 0
function proto.init()
  local udp = DissectorTable.get("udp.port")
  if registered == proto.prefs.port then return end
  if registered > 0 then udp:remove(registered, proto) end
  registered = proto.prefs.port
  udp:add(registered, proto)
end
