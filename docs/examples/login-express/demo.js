// A site with accounts of its own, whose login page Countersign sends browsers to: `npm ci && node demo.js`.
import { randomBytes, timingSafeEqual, createHash } from 'node:crypto'
import express from 'express'
import { countersign, LoginRefused } from './countersign-login.js'

const { PORT, ADMIN_URL, LOGIN_TOKEN, JANES_PASSWORD, SITE_IS_HTTPS = 'true' } = process.env
const provider = countersign({ url: ADMIN_URL, token: LOGIN_TOKEN })

// Your accounts: the name that one logs in with, the id that never changes, the password (yours are hashed, of course).
const accounts = new Map([['jane', { subject: '42', password: JANES_PASSWORD }]])
const sessions = new Map() // yours are in a store, and end

const digest = (text) => createHash('sha256').update(text).digest()
const escape = (text) => String(text).replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`)
const sessionId = (req) => /(?:^|; )site=([0-9a-f]{64})/.exec(req.headers.cookie ?? '')?.[1]
const userOf = (req) => sessions.get(sessionId(req))

const page = (challenge, client, error) => `<!doctype html><html lang="en"><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1"><title>Log in</title>
<main>
<h1>Log in</h1>
${client ? `<p><strong>${escape(client.name)}</strong> asks for access to your account.</p>` : ''}
${error ? `<p role="alert">${escape(error)}</p>` : ''}
<form method="post"><input type="hidden" name="login_challenge" value="${escape(challenge)}">
<p><label>User name <input name="username" autocomplete="username"></label></p>
<p><label>Password <input name="password" type="password" autocomplete="current-password"></label></p>
<button name="decision" value="login">Log in</button> <button name="decision" value="cancel" formnovalidate>Cancel</button>
</form></main>`

const text = (value) => (typeof value === 'string' ? value : '') // never a list or an object

const app = express()
app.use(express.urlencoded({ extended: false }))

app.get('/login', async (req, res) => {
  const challenge = text(req.query.login_challenge)
  const asked = await provider.show(challenge)
  const user = userOf(req) // a challenge that somebody else began gets him nothing: his browser has not the secret
  if (user) return res.redirect(await provider.accept(challenge, user))
  res.send(page(challenge, asked.client))
})

app.post('/login', async (req, res) => {
  const challenge = text(req.body?.login_challenge)
  if (req.body?.decision === 'cancel') return res.redirect(await provider.reject(challenge))
  const username = text(req.body?.username)
  const account = accounts.get(username)
  const matches = timingSafeEqual(digest(text(req.body?.password)), digest(account?.password ?? ''))
  if (!account || !matches) return res.status(403).send(page(challenge, null, 'The user name or the password is wrong.'))
  const id = randomBytes(32).toString('hex')
  const user = { subject: account.subject, username }
  sessions.delete(sessionId(req))
  sessions.set(id, user)
  res.cookie('site', id, { httpOnly: true, sameSite: 'lax', secure: SITE_IS_HTTPS === 'true' })
  res.redirect(await provider.accept(challenge, user))
})

app.post('/logout', async (req, res) => {
  const user = userOf(req)
  sessions.delete(sessionId(req))
  if (user) await provider.endSessions(user.subject)
  res.redirect('/')
})

app.get('/', (req, res) => {
  const user = userOf(req)
  res.send(user ? `Logged in as ${escape(user.username)}.` : 'Nobody is logged in.')
})

app.use((error, req, res, _next) => {
  console.warn(`countersign: ${error.message}`)
  if (error instanceof LoginRefused && [404, 409].includes(error.status))
    return res.status(400).send('This login has expired or was used already. Start again from the application.')
  if (error instanceof LoginRefused && error.status === 403)
    return res.status(403).send('Your account is disabled for applications. Ask those who run this site.')
  res.status(503).send('Logging in does not work at the moment. Try again later.')
})

app.listen(Number(PORT), '127.0.0.1')
