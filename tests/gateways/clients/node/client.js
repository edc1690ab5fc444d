// Calls an API with the npm package oauth (as passport-oauth1 does): a question as JSON in, the reply's status as JSON
// out. Nothing of the package changes but the address that it connects to.
import https from 'node:https'
import { readFileSync } from 'node:fs'
import oauthPackage from 'oauth'

const { client_id, client_secret, token, token_secret, signature_method, method, url, body, type, port } = JSON.parse(
  readFileSync(0, 'utf8'),
)
const oauth = new oauthPackage.OAuth(null, null, client_id, client_secret, '1.0', null, signature_method)
oauth._createClient = (_port, hostname, verb, path, headers) =>
  https.request({ host: '127.0.0.1', port, servername: hostname, rejectUnauthorized: false, method: verb, path, headers })

const answer = (error, data, response) =>
  process.stdout.write(JSON.stringify({ status: error?.statusCode ?? response?.statusCode, text: data }))
const call = { GET: 'get', DELETE: 'delete', POST: 'post', PUT: 'put' }[method]
if (method === 'GET' || method === 'DELETE') oauth[call](url, token, token_secret, answer)
else oauth[call](url, token, token_secret, body, type, answer)
