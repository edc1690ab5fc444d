// Protects Express routes with OAuth 1: asks Countersign's introspection service about each request.
//
//   const requireOAuth = oauth1({ url: 'https://introspection.internal', key, origin: 'https://api.example.com' })
//   app.get('/photos', requireOAuth('photos:read'), (req, res) => res.json({ of: req.oauth1.username }))
//
// Put it before body parsers (express.json(), express.urlencoded()): it needs the bytes of a signed body, and leaves
// the parsed body in req.body and the bytes in req.rawBody. Express 5 (or 4), Node 18 or later, nothing else.
import querystring from 'node:querystring'
import express from 'express'

const FORM = 'application/x-www-form-urlencoded'
const BODY_MAX_BYTES = 180_000 // what the service takes, less base64 and the rest of the call

// url: of the service. key: from `auth-service resource-server create`. origin: scheme, host and port that your clients
// sign; configured, never req.headers.host: whoever receives a request that was signed for his own server could
// otherwise send it here, with his Host, and it would verify.
export function oauth1({ url, key, origin, timeoutMs = 3000 }) {
  const service = { url: `${url.replace(/\/+$/, '')}/v1/introspect`, key, timeoutMs }

  // scope: one or more, separated by spaces, all needed. twoLegged: also for clients that sign without a token.
  return function requireOAuth(scope, { twoLegged = false } = {}) {
    async function judge(req, res, next) {
      const question = describe(req, origin)
      if (scope) question.required_scope = scope
      const verdict = await ask(service, question)
      if (verdict.oauth1.legs === 2 && !twoLegged) throw new Refused(401, 'token_rejected', 'This needs a token.', 'OAuth')
      if (Buffer.isBuffer(req.body)) parseBody(req)
      req.oauth1 = verdict
      next()
    }
    const refuse = (error, req, res, next) => (error instanceof Refused ? error.answer(res) : next(error))
    // .catch() because Express 4 does not look at what an async function rejects with
    return [readBody, (req, res, next) => judge(req, res, next).catch((error) => refuse(error, req, res, next))]
  }
}

class Refused extends Error {
  constructor(status, code, description = '', challenge = undefined, retryAfter = undefined) {
    super(`${status} ${code}: ${description}`)
    Object.assign(this, { status, code, description, challenge, retryAfter })
  }

  answer(res) {
    res.status(this.status).set('Cache-Control', 'no-store')
    if (this.challenge) res.set('WWW-Authenticate', this.challenge)
    if (this.retryAfter) res.set('Retry-After', this.retryAfter)
    res.json({ error: this.code, error_description: this.description })
  }
}

// ---- what the client sent

// A form body is part of the signature, for any method; another one counts where the client signed its hash.
function isSigned(req) {
  const type = (req.headers['content-type'] ?? '').split(';')[0].trim().toLowerCase()
  return type === FORM || namesBodyHash(`${req.headers.authorization ?? ''} ${req.originalUrl}`)
}

const namesBodyHash = (text) => querystring.unescape(text).includes('oauth_body_hash')

// inflate: false, because the bytes as sent are what was signed
const readBody = express.raw({ type: isSigned, limit: BODY_MAX_BYTES, inflate: false })

function describe(req, origin) {
  const question = { method: req.method, url: origin + rawTarget(req) }
  if (req.headers.authorization !== undefined) question.authorization = req.headers.authorization
  if (req.headers['content-type']) question.content_type = req.headers['content-type']
  if (isSigned(req)) question.body_base64 = rawBody(req).toString('base64')
  return question
}

// req.originalUrl is the target byte for byte. req.url loses what app.use('/prefix', …) matched, req.path and req.query
// are parsed, and new URL() would rewrite `//`, `/../`, `{}` and more.
function rawTarget(req) {
  if (!req.originalUrl.startsWith('/')) throw new Refused(400, 'invalid_request', 'The request target must be a path.')
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.from(req.originalUrl, 'latin1'))
  } catch {
    throw new Refused(400, 'invalid_request', 'The request target must be UTF-8.')
  }
}

// A parser that ran before us has eaten the stream. The signature of an empty body might hold, and the route would then
// trust fields that nobody signed.
function rawBody(req) {
  const { 'content-length': length, 'transfer-encoding': coding } = req.headers
  if (Buffer.isBuffer(req.body)) return (req.rawBody = req.body)
  if (length === undefined && coding === undefined) return Buffer.alloc(0)
  throw new Error('a body parser ran before requireOAuth: mount it afterwards')
}

function parseBody(req) {
  if (req.is(FORM)) req.body = querystring.parse(req.rawBody.toString())
  if (!req.is('json')) return
  try {
    req.body = JSON.parse(req.rawBody.toString())
  } catch {
    throw new Refused(400, 'invalid_request', 'The body is not JSON.')
  }
}

// ---- the call

// fetch keeps connections alive, and does not repeat a POST by itself. Nor do we: a call whose answer was lost may have
// spent the nonce, so asking again would turn a good request into a replay. Whatever goes wrong ends in 503.
async function ask({ url, key, timeoutMs }, question) {
  let answer
  try {
    const response = await fetch(url, {
      method: 'POST',
      headers: { Authorization: `Bearer ${key}`, 'Content-Type': 'application/json' },
      body: JSON.stringify(question),
      redirect: 'error',
      signal: AbortSignal.timeout(timeoutMs), // of the whole call, body included
    })
    const text = await response.text()
    // 503: a store is down; 401, 403, 400: this server's key or configuration is wrong
    if (response.status !== 200) throw unavailable(`${response.status} ${text}`, response.headers.get('retry-after'))
    answer = JSON.parse(text)
  } catch (error) {
    throw error instanceof Refused ? error : unavailable(error)
  }
  if (answer.active === true) return checked(answer)
  const { status, code, description, www_authenticate: challenge } = answer.problem
  throw new Refused(status, code, description, challenge, status === 503 ? '1' : undefined)
}

function checked(answer) {
  if (answer.oauth1.body_hash !== 'unchecked') return answer
  throw new Refused(401, 'signature_invalid', 'oauth_body_hash was not checked', 'OAuth')
}

function unavailable(why, retryAfter) {
  console.error('the introspection service:', why)
  const text = 'The signature could not be checked. Sign a new request.'
  return new Refused(503, 'temporarily_unavailable', text, undefined, retryAfter ?? '1')
}
