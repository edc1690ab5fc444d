// A whole service: `npm ci && node demo.js`. Configured by the environment.
import express from 'express'
import { oauth1 } from './oauth1.js'

const { PORT, ORIGIN, INTROSPECTION_URL, INTROSPECTION_KEY, INTROSPECTION_TIMEOUT = '3' } = process.env
const requireOAuth = oauth1({
  url: INTROSPECTION_URL,
  key: INTROSPECTION_KEY,
  origin: ORIGIN,
  timeoutMs: Number(INTROSPECTION_TIMEOUT) * 1000,
})

function show(req, res) {
  const { client_id, username, scope } = req.oauth1
  res.json({ client_id, user: username ?? null, scope, form: asLists(req.body) })
}

const asLists = (form) => Object.fromEntries(Object.entries(form ?? {}).map(([name, value]) => [name, [].concat(value)]))

const app = express()
app.get('/admin', requireOAuth('photos:write'), show)
app.get('/batch', requireOAuth('photos:read', { twoLegged: true }), show)
app.use(requireOAuth('photos:read'), show)
app.listen(Number(PORT), '127.0.0.1')
