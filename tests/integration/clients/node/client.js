// Signs one request with the npm package oauth-1.0a: a question as a JSON line in, what to send out.
import crypto from 'node:crypto'
import { readFileSync } from 'node:fs'
import OAuth from 'oauth-1.0a'

const question = JSON.parse(readFileSync(0, 'utf8'))

const hashes = {
  'HMAC-SHA1': (text, key) => crypto.createHmac('sha1', key).update(text).digest('base64'),
  'HMAC-SHA256': (text, key) => crypto.createHmac('sha256', key).update(text).digest('base64'),
  'RSA-SHA1': (text) => crypto.createSign('RSA-SHA1').update(text).sign(question.rsa_key, 'base64'),
  'RSA-SHA256': (text) => crypto.createSign('RSA-SHA256').update(text).sign(question.rsa_key, 'base64'),
  PLAINTEXT: undefined, // the package's own
}

const oauth = new OAuth({
  consumer: { key: question.client_id, secret: question.client_secret ?? '' },
  signature_method: question.signature_method,
  hash_function: hashes[question.signature_method],
})

const token = question.token ? { key: question.token, secret: question.token_secret } : undefined
const parameters = question.parameters ?? {}
const isProtocol = (name) => name.startsWith('oauth_')
const encode = (pairs) =>
  Object.entries(pairs)
    .map(([name, value]) => `${oauth.percentEncode(name)}=${oauth.percentEncode(String(value))}`)
    .join('&')

// the package puts every oauth_ parameter where the signature goes; the others stay in query or body
const plain = Object.fromEntries(Object.entries(parameters).filter(([name]) => !isProtocol(name)))
const authorized = oauth.authorize({ url: question.url, method: question.http_method, data: parameters }, token)
const answer = { method: question.http_method, url: question.url }
const query = (pairs) => (Object.keys(pairs).length ? `${question.url}?${encode(pairs)}` : question.url)

if (question.place === 'header') {
  const signed = Object.fromEntries(Object.entries(authorized).filter(([name]) => isProtocol(name)))
  answer.authorization = oauth.toHeader(signed).Authorization
  answer.url = query(plain)
} else if (question.place === 'query') {
  answer.url = query({ ...plain, ...authorized })
} else {
  answer.body = encode({ ...plain, ...authorized })
}
console.log(JSON.stringify(answer))
