// What a site tells Countersign about a browser that was sent to its login page (OAUTH1_LOGIN_URL). A file to copy.
import { setTimeout as sleep } from 'node:timers/promises'

const AGAIN_MS = 1000

/** Countersign did not take it; the message says why, and is for your log. */
export class LoginRefused extends Error {
  constructor(status, text) {
    super(`${status}: ${text}`)
    this.status = status
  }
}

/** `url`: OAUTH1_ADMIN_LISTEN; `token`: of OAUTH1_LOGIN_TOKEN, the part behind the name and the colon. */
export function countersign({ url, token, timeoutMs = 5000 }) {
  // 503 says that a store is away for a moment: it is asked again each second, for as long as one answer may take.
  async function call(method, path, body) {
    const until = Date.now() + timeoutMs
    for (;;) {
      try {
        return await callOnce(method, path, body)
      } catch (error) {
        if (error.status !== 503 || Date.now() + AGAIN_MS > until) throw error
      }
      await sleep(AGAIN_MS)
    }
  }

  async function callOnce(method, path, body) {
    const response = await fetch(new URL(`/admin/v1/${path}`, url), {
      method,
      headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' },
      body: method === 'PUT' ? JSON.stringify(body ?? {}) : undefined,
      signal: AbortSignal.timeout(timeoutMs),
    }).catch((error) => {
      throw new LoginRefused(503, error.message)
    })
    const text = await response.text()
    if (!response.ok) throw new LoginRefused(response.status, text)
    return text ? JSON.parse(text) : null
  }
  const request = (challenge) => `authorization-requests/${encodeURIComponent(challenge)}`

  return {
    /** Who asks for what: {kind, client, scope, …}. */
    show: (challenge) => call('GET', request(challenge)),

    /** Where to send the browser. Ask your user yourself before you say `consent: 'granted'`. */
    async accept(challenge, { subject, username, consent = 'ask', scope }) {
      return (await call('PUT', `${request(challenge)}/accept`, { subject, username, consent, scope })).redirect_to
    },

    async reject(challenge) {
      return (await call('PUT', `${request(challenge)}/reject`)).redirect_to
    },

    /** When your user logs out. One who never came here is none of Countersign's. */
    async endSessions(subject) {
      await call('DELETE', `users/${encodeURIComponent(subject)}/sessions`).catch((error) => {
        if (error.status !== 404) throw error
      })
    },
  }
}
