-- countersign.lua: HAProxy asks introspection-service about a request.
--   http-request lua.countersign SCHEME HOST[:PORT] SCOPE      (SCOPE `-`: none is asked for)
-- The first two are the origin that clients sign. The question goes to HAProxy's own listener on abns@countersign.
-- A request that is found good gets its X-OAuth-* headers, and the variable txn.countersign is `verified`. A refusal is
-- answered here. In every other case, an error in this script included, the variable stays unset: the configuration
-- must end the request then, since HAProxy goes on after an error.

local timeout_ms = 8000 -- longer than the listener's own, so that it is the listener which gives up
-- 400: two Authorization headers, say; 401 and 403: the signature, the scope; 429: a quota; 503: a store is down
local refusals = { [400] = true, [401] = true, [403] = true, [429] = true, [503] = true }
local identity = {
  'x-oauth-client-id', 'x-oauth-subject', 'x-oauth-username', 'x-oauth-scope', 'x-oauth-token-id', 'x-oauth-legs',
  'x-oauth-body-hash',
}

-- Every value of a header as a list from 1; HAProxy counts from 0.
local function values(headers, name)
  local list, found = {}, headers[name]
  for i = 0, 1000 do
    if not found or found[i] == nil then break end
    list[#list + 1] = found[i]
  end
  return list
end

-- How long the client's body is, as a text; nil where nobody says. An HTTP/1 request with neither Content-Length nor
-- Transfer-Encoding has none (RFC 9112 section 6.3); of HTTP/2 that is not so.
local function body_length(txn, headers)
  local lengths, codings = values(headers, 'content-length'), values(headers, 'transfer-encoding')
  if #codings > 0 or #lengths > 1 then return nil end
  if #lengths == 0 and txn.sf:req_ver():find('^1%.') then return '0' end
  return lengths[1]
end

-- The body, if all of it is here: a part would be verified as if it were the whole.
local function whole_body(txn, headers)
  local length = tonumber(values(headers, 'content-length')[1])
  local body = txn.sf:req_body()
  if length and length > 0 and #body == length then return body end
end

-- A control character but a tab: HAProxy 2.6 passes a NUL on, and a server may end the value there.
local function is_odd(headers)
  for name in pairs(headers) do
    for _, value in ipairs(values(headers, name)) do
      if value:gsub('\t', ''):find('%c') then return true end
    end
  end
  return false
end

local function ask(txn, headers, scheme, host, scope)
  local question = {
    ['connection'] = { 'close' }, -- on a second request the listener would answer a failure by silence, and that is repeated
    ['x-forwarded-method'] = { txn.sf:method() },
    ['x-forwarded-proto'] = { scheme },
    ['x-forwarded-host'] = { host },
    ['x-forwarded-uri'] = { txn.sf:pathq() }, -- as it was sent
    ['x-forwarded-for'] = { txn.sf:src() }, -- whose refused requests are counted
    ['authorization'] = values(headers, 'authorization'), -- two are the service's to refuse
    ['content-type'] = values(headers, 'content-type'),
  }
  local length = body_length(txn, headers)
  if length then question['x-forwarded-content-length'] = { length } end
  if scope ~= '-' then question['x-oauth-required-scope'] = { scope } end
  return core.httpclient():post {
    url = 'http://introspection-service/verify', dst = 'abns@countersign', timeout = timeout_ms,
    headers = question, body = whole_body(txn, headers),
  }
end

-- Exactly one value under each name, or it was not our service that answered.
local function let_in(txn, answer)
  for _, name in ipairs(identity) do
    local found = values(answer.headers, name)
    if #found ~= 1 or found[1] == '' then return end
    txn.http:req_set_header(name, found[1])
  end
  txn:set_var('txn.countersign', 'verified')
end

local function refuse(txn, answer)
  local reply = txn:reply { status = answer.status, body = answer.body }
  for _, name in ipairs { 'www-authenticate', 'retry-after', 'content-type', 'cache-control' } do
    for _, value in ipairs(values(answer.headers, name)) do reply:add_header(name, value) end
  end
  txn:done(reply)
end

core.register_action('countersign', { 'http-req' }, function(txn, scheme, host, scope)
  local headers = txn.http:req_get_headers()
  if is_odd(headers) then return txn:done(txn:reply { status = 400 }) end
  local answer = ask(txn, headers, scheme, host, scope)
  if answer.status == 200 then
    let_in(txn, answer)
  elseif refusals[answer.status] then
    refuse(txn, answer)
  end
end, 3)
