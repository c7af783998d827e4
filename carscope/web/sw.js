// Service worker: keeps the files of the page, so that it works without a network connection.
// It also sends the headers with which onnxruntime may use several threads, for hosts that do not send them.
const FILES = {files}
const PAGE = `carscope ${self.registration.scope} `, CACHE = PAGE + '{version}'
const ISOLATED = {'Cross-Origin-Opener-Policy': 'same-origin', 'Cross-Origin-Embedder-Policy': 'require-corp'}

self.addEventListener('install', event => event.waitUntil(
  caches.open(CACHE).then(cache => cache.addAll(FILES.map(file => new Request(file, {cache: 'no-cache'}))))))

self.addEventListener('activate', event => event.waitUntil((async () => {
  const earlier = (await caches.keys()).filter(name => name.startsWith(PAGE) && name !== CACHE)
  await Promise.all(earlier.map(name => caches.delete(name)))
  await self.clients.claim()
})()))

self.addEventListener('fetch', event => {
  if (event.request.method === 'GET' && event.request.url.startsWith(self.registration.scope)) event.respondWith(answer(event.request))
})

async function answer(request) {
  const kept = await (await caches.open(CACHE)).match(request, {ignoreSearch: true})
  const found = kept || await fetch(request)
  if (found.status !== 200) return found
  const headers = new Headers(found.headers)
  for (const name in ISOLATED) headers.set(name, ISOLATED[name])
  return new Response(found.body, {status: 200, statusText: found.statusText, headers})
}
