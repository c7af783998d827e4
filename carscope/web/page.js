// The page that `carscope app RUN --static` writes. It computes what the Python page computes, with the same steps:
// read an image, resize it as Pillow does, run the network, and show the answer. Nothing is sent and nothing is kept.
'use strict'

// ---- Image preparation ----

// Weights of one output pixel for each output pixel: Pillow's triangle filter, as integers with 22 bits after the point.
function triangleWeights(length, size) {
  const scale = length / size, support = Math.max(scale, 1), starts = [], weights = []
  for (let i = 0; i < size; i++) {
    const centre = (i + .5) * scale
    const first = Math.max(Math.trunc(centre - support + .5), 0), last = Math.min(Math.trunc(centre + support + .5), length)
    const w = []
    for (let x = first; x < last; x++) w.push(Math.max(1 - Math.abs((x - centre + .5) / support), 0))
    const sum = w.reduce((a, b) => a + b, 0)
    starts.push(first)
    weights.push(Int32Array.from(w, v => Math.floor(.5 + v / sum * (1 << 22))))
  }
  return {starts, weights}
}

// The antialiased bilinear resize of Pillow: first all rows, then all columns, rounded to 8 bits after each.
// `pixels`: (height, width, channels), uint8, of which the first three are used. Result: (size, size, 3), uint8.
function resize(pixels, width, height, size, channels = 4) {
  const across = triangleWeights(width, size), down = triangleWeights(height, size), half = 1 << 21
  const rows = new Uint8Array(height * size * 3), out = new Uint8Array(size * size * 3)
  for (let y = 0; y < height; y++) for (let i = 0; i < size; i++) {
    const w = across.weights[i]
    let at = (y * width + across.starts[i]) * channels, r = half, g = half, b = half
    for (let k = 0; k < w.length; k++, at += channels) {
      r += pixels[at] * w[k]
      g += pixels[at + 1] * w[k]
      b += pixels[at + 2] * w[k]
    }
    const to = (y * size + i) * 3
    rows[to] = r >> 22
    rows[to + 1] = g >> 22
    rows[to + 2] = b >> 22
  }
  for (let i = 0; i < size; i++) for (let x = 0; x < size * 3; x++) {
    const w = down.weights[i]
    let sum = half
    for (let k = 0, at = down.starts[i] * size * 3 + x; k < w.length; k++, at += size * 3) sum += rows[at] * w[k]
    out[i * size * 3 + x] = sum >> 22
  }
  return out
}

// Python decodes a JPEG file at 1/2, 1/4 or 1/8 of its size if that is large enough. The mean of each block is close to it.
function shrink({pixels, width, height, jpeg}, load) {
  const factor = jpeg ? [8, 4, 2].find(f => Math.min(Math.floor(width / load), Math.floor(height / load)) >= f) : 0
  if (!factor) return {pixels, width, height, channels: 4}
  const wide = Math.ceil(width / factor), high = Math.ceil(height / factor), out = new Uint8Array(wide * high * 3)
  for (let y = 0; y < high; y++) for (let x = 0; x < wide; x++) {
    const right = Math.min((x + 1) * factor, width), bottom = Math.min((y + 1) * factor, height)
    let r = 0, g = 0, b = 0
    for (let v = y * factor; v < bottom; v++) for (let u = x * factor, at = (v * width + u) * 4; u < right; u++, at += 4) {
      r += pixels[at]
      g += pixels[at + 1]
      b += pixels[at + 2]
    }
    const n = (right - x * factor) * (bottom - y * factor), to = (y * wide + x) * 3
    out[to] = Math.round(r / n)
    out[to + 1] = Math.round(g / n)
    out[to + 2] = Math.round(b / n)
  }
  return {pixels: out, width: wide, height: high, channels: 3}
}

// The input of the network: (size, size, 3), uint8.
function prepare(picture, size, load) {
  const {pixels, width, height, channels} = shrink(picture, load)
  return resize(pixels, width, height, size, channels)
}

class Refused extends Error {}

// Decode a file: upright, without conversion of colours, on white where it is transparent.
async function decode(file, limits) {
  const name = (file.name || 'the image').slice(-80), million = limits.pixels / 1e6, unit = limits.bytes / 2 ** 20
  if (!file.size) throw new Refused(`${name} is empty: choose another file`)
  if (file.size > limits.bytes) throw new Refused(`${name} is larger than ${unit} MB: choose a smaller copy`)
  const unreadable = `choose a photograph as JPEG, PNG, WEBP, GIF, BMP or AVIF, of at most ${million} million pixels`
  const url = URL.createObjectURL(file), probe = new Image()
  try {
    await new Promise((done, failed) => {
      probe.onload = done
      probe.onerror = failed
      probe.src = url
    })
    const n = probe.naturalWidth * probe.naturalHeight
    if (n > limits.pixels) throw new Refused(`${name} has ${probe.naturalWidth} x ${probe.naturalHeight} pixels, which are too many: ${unreadable}`)
    const bitmap = await createImageBitmap(file, {colorSpaceConversion: 'none', premultiplyAlpha: 'none'})
    const {width, height} = bitmap, canvas = Object.assign(document.createElement('canvas'), {width, height})
    const context = canvas.getContext('2d', {willReadFrequently: true})
    context.fillStyle = '#fff'
    context.fillRect(0, 0, width, height)
    context.drawImage(bitmap, 0, 0)
    bitmap.close()
    const start = new Uint8Array(await file.slice(0, 2).arrayBuffer())
    return {canvas, width, height, jpeg: start[0] === 0xff && start[1] === 0xd8, pixels: context.getImageData(0, 0, width, height).data}
  } catch (error) {
    throw error instanceof Refused ? error : new Refused(`${name} cannot be opened as an image: ${unreadable}`)
  } finally { URL.revokeObjectURL(url) }
}

// ---- Network ----

// A file of the folder; one that ends in .gz is unpacked, unless the host has done so.
async function load(name) {
  const response = await fetch(name)
  if (!response.ok) throw new Error(`${name} is missing on this server (status ${response.status})`)
  const bytes = new Uint8Array(await response.arrayBuffer())
  if (!name.endsWith('.gz') || bytes[0] !== 0x1f || bytes[1] !== 0x8b) return bytes
  return new Uint8Array(await new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream('gzip'))).arrayBuffer())
}

// Run a network on images of its size, given as (n, size, size, 3), uint8. Result: {name: {data, dims}}. One call follows the other.
let running = Promise.resolve()
const run = (...inputs) => running = running.catch(() => null).then(() => forward(...inputs))

async function forward(network, pixels, n, wanted, boxPixels) {
  const {ort, session, about} = network, feeds = {}
  const tensor = (data, n, size) => new ort.Tensor('uint8', data, [n, size, size, 3])
  feeds.pixels = tensor(pixels, n, about.size)
  if (about.box_size) feeds.box_pixels = tensor(boxPixels || new Uint8Array(about.box_size ** 2 * 3), 1, about.box_size)
  const outputs = await session.run(feeds, wanted), found = {}
  for (const name of wanted) {
    found[name] = {data: Float32Array.from(outputs[name].data), dims: [...outputs[name].dims]}
    outputs[name].dispose()
  }
  for (const name in feeds) feeds[name].dispose()
  return found
}

// ---- Numbers ----

function softmax(logits) {
  const top = Math.max(...logits), e = Array.from(logits, v => Math.exp(v - top)), sum = e.reduce((a, b) => a + b, 0)
  return e.map(v => v / sum)
}

const dot = (a, b) => a.reduce((sum, v, i) => sum + v * b[i], 0)
const order = values => [...values.keys()].sort((a, b) => values[b] - values[a])

// Whether the image is like the training images: its conformal p-value among the validation images.
function knownOf(score, {threshold, validation, reason}) {
  const p = (validation.filter(v => v >= score).length + 1) / (validation.length + 1), known = score <= threshold
  return {known, p_value: p, ood_score: score, reason: known ? null : reason}
}

// The finest answer that is safe: the class, or only its model line, make or body style.
function safeAnswer(probs, {levels, limit}) {
  for (const level in levels) {
    const sums = new Map()
    levels[level].forEach((group, i) => group === null || sums.set(group, (sums.get(group) || 0) + probs[i]))
    const [answer, probability] = [...sums].reduce((best, one) => one[1] > best[1] ? one : best)
    if (limit !== null && probability > limit) return {level, answer, probability}
  }
  return {}
}

// A quantile of a distribution over years, linear within a class.
function quantile(probs, edges, fraction) {
  let below = 0
  for (let k = 0; k < probs.length; k++) {
    if (below + probs[k] >= fraction || k === probs.length - 1) {
      const inside = Math.min(Math.max((fraction - below) / Math.max(probs[k], 1e-12), 0), 1)
      return edges[k] + inside * (edges[k + 1] - edges[k])
    }
    below += probs[k]
  }
}

function yearOf(probs, years) {
  if (years.fractions) probs = years.fractions[0].map((_, y) => dot(probs, years.fractions.map(row => row[y])))
  const sum = probs.reduce((a, b) => a + b, 0)
  probs = probs.map(p => p / sum)
  let half = 0, middle = 0
  while (middle < probs.length - 1 && (half += probs[middle]) < .5) middle++
  const median = years.centres[middle], ends = [(1 - years.coverage) / 2, (1 + years.coverage) / 2].map(f => quantile(probs, years.edges, f))
  return {expected: dot(probs, years.centres), median, low: Math.min(ends[0] - years.margin, median), high: Math.max(ends[1] + years.margin, median),
    score: dot(probs, probs.map((_, i) => i + 1)), coverage: years.coverage, source: years.source, probabilities: probs}
}

// The nearest cars of the gallery by cosine distance.
function nearest(features, {vectors, width, names}, count = 6) {
  const length = Math.sqrt(dot(features, features))
  const distances = names.map((_, i) => {
    let product = 0, square = 0
    for (let k = 0, at = i * width; k < width; k++, at++) {
      product += features[k] * vectors[at]
      square += vectors[at] * vectors[at]
    }
    return Math.max(1 - product / length / Math.sqrt(square), 0)
  })
  return order(distances.map(d => -d)).slice(0, count).map(i => ({name: names[i], distance: distances[i], index: i}))
}

// ---- Saliency maps ----

// What a map explains: the logit of the top-1 class, or the expected year.
function question(about, years) {
  const top = logits => order(logits)[0]
  if (!about.explains_year) return {value: (logits, column) => logits[column], slopes: (logits, column) => Array.from(logits, (_, i) => +(i === column)), column: top}
  const expected = logits => dot(softmax(logits), years.centres)
  return {column: () => 0, value: expected, slopes: logits => {
    const probs = softmax(logits), mean = dot(probs, years.centres)
    return probs.map((p, i) => p * (years.centres[i] - mean))
  }}
}

// Class activation map: the score of each place of the last feature map, as Grad-CAM finds it for a head after global pooling.
function classActivation({data, dims: [, rows, columns, classes]}, slopes, bothWays, size) {
  const map = new Float32Array(rows * columns)
  for (let i = 0; i < map.length; i++) for (let c = 0; c < classes; c++) map[i] += slopes[c] * data[i * classes + c]
  return enlarge(map.map(v => bothWays ? Math.abs(v) : Math.max(v, 0)), rows, columns, size)
}

// Bilinear interpolation, as torch does it with align_corners=False.
function enlarge(map, rows, columns, size) {
  const out = new Float32Array(size * size)
  const place = (i, n) => {
    const at = Math.max((i + .5) * n / size - .5, 0), low = Math.floor(at)
    return [low, Math.min(low + 1, n - 1), at - low]
  }
  for (let y = 0; y < size; y++) for (let x = 0; x < size; x++) {
    const [t, b, v] = place(y, rows), [l, r, u] = place(x, columns)
    out[y * size + x] = (1 - v) * ((1 - u) * map[t * columns + l] + u * map[t * columns + r]) + v * ((1 - u) * map[b * columns + l] + u * map[b * columns + r])
  }
  return out
}

// Occlusion: how much the explained number falls, on average over the grey squares that cover a pixel.
async function occlusion(network, pixels, {value}, column, bothWays, progress) {
  const {size, mean} = network.about, side = Math.max(Math.trunc(size / 5), 1), step = Math.max(Math.trunc(side / 2), 1)
  const count = Math.ceil((size - side) / step) + 1, sum = new Float32Array(size * size), hits = new Float32Array(size * size), batch = 4
  const base = value((await run(network, pixels, 1, ['logits'])).logits.data, column)
  for (let first = 0; first < count * count; first += batch) {
    const n = Math.min(batch, count * count - first), covered = new Uint8Array(n * pixels.length), squares = []
    for (let k = 0; k < n; k++) {
      covered.set(pixels, k * pixels.length)
      const top = Math.trunc((first + k) / count) * step, left = (first + k) % count * step, at = []
      for (let y = top; y < Math.min(top + side, size); y++) for (let x = left; x < Math.min(left + side, size); x++) at.push(y * size + x)
      for (const i of at) for (let c = 0; c < 3; c++) covered[k * pixels.length + i * 3 + c] = Math.round(255 * mean[c])
      squares.push(at)
    }
    const {data, dims} = (await run(network, covered, n, ['logits'])).logits
    squares.forEach((at, k) => {
      const fall = base - value(data.subarray(k * dims[1], (k + 1) * dims[1]), column)
      for (const i of at) { sum[i] += fall; hits[i]++ }
    })
    if (!await progress((first + n) / count ** 2)) return null
  }
  return sum.map((v, i) => bothWays ? Math.abs(v / hits[i]) : Math.max(v / hits[i], 0))
}

// Scale a map for display: its quantile 0.995 becomes 1.
function onScale(map) {
  const sorted = Float32Array.from(map).sort(), at = .995 * (map.length - 1), low = Math.floor(at)
  const next = sorted[Math.min(low + 1, map.length - 1)], top = sorted[low] + (at - low) * (next - sorted[low]) || sorted[map.length - 1]
  return top ? map.map(v => Math.min(v / top, 1)) : map
}

// ---- The page ----

const $ = id => document.getElementById(id)
const percent = p => `${(100 * p).toFixed(0)} %`

function element(tag, attributes = {}, ...children) {
  const made = tag.startsWith('svg:') ? document.createElementNS('http://www.w3.org/2000/svg', tag.slice(4)) : document.createElement(tag)
  for (const name in attributes) made.setAttribute(name, attributes[name])
  made.append(...children)
  return made
}

function showSaid({known, answer}, about) {
  let words = '', sentence = ''
  if (known && !known.known) {
    words = known.reason[0].toUpperCase() + known.reason.slice(1)
    sentence = `Refused, because its p-value is ${known.p_value.toFixed(3)}: at most ${(100 * known.p_value).toFixed(1)} % of the validation images are as unlike the training images. The predictions below are unreliable.`
  } else if (answer) {
    const promise = `At most ${100 * about.safe.error} % of all images of known classes get a wrong answer, on average.`
    words = answer.answer ? `${answer.answer} (${percent(answer.probability)})` : 'No answer is safe'
    sentence = !answer.answer ? 'The most probable classes are below.' : answer.level === 'class' ? promise : `The ${answer.level}; the class is not certain. ${promise}`
  }
  $('said').replaceChildren(...words ? [element('b', {}, words), element('br'), sentence] : [])
}

function showClasses(classes) {
  $('classes').replaceChildren(...classes.map(({name, probability}) => {
    const bar = element('i')
    bar.style.width = `${100 * probability}%`
    return element('li', {}, element('span', {}, name), element('span', {}, percent(probability)), bar)
  }))
}

// A half-circle of years: probabilities (bars), interval (arc) and expected year (hand).
function showDial(year, years) {
  if (!year) return $('dial').replaceChildren()
  const {edges} = years, first = edges[0], last = edges[edges.length - 1], inside = y => Math.min(Math.max(y, first), last)
  const angle = y => Math.PI * (1 - (inside(y) - first) / (last - first))
  const point = (y, r) => `${(110 + 100 * r * Math.cos(angle(y))).toFixed(2)} ${(108 - 100 * r * Math.sin(angle(y))).toFixed(2)}`
  const arc = (a, b, r) => `M${point(a, r)}A${100 * r} ${100 * r} 0 0 1 ${point(b, r)}`
  const density = year.probabilities.map((p, i) => p / (edges[i + 1] - edges[i])), peak = Math.max(...density)
  const bars = density.map((d, i) => {
    const r = .79 + .26 * d / peak
    return `M${point(edges[i], .79)}L${point(edges[i], r)}L${point(edges[i + 1], r)}L${point(edges[i + 1], .79)}Z`
  }).join('')
  const step = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000].find(s => (last - first) / s <= 8), ticks = []
  for (let y = Math.ceil((first + .01) / step) * step; y < last; y += step) {
    const [x, top] = point(y, .6).split(' ')
    ticks.push(element('svg:text', {x, y: top}, String(y)))
  }
  const words = `predicted year ${year.expected.toFixed(0)}`
  $('dial').replaceChildren(
    element('svg:svg', {viewBox: '0 0 220 142', role: 'img', 'aria-label': `A dial from ${Math.ceil(first)} to ${Math.floor(last)}: ${words}`},
      element('svg:path', {d: bars, class: 'bars'}), element('svg:path', {d: arc(first, last, .75), class: 'scale', fill: 'none', 'stroke-width': 5}),
      element('svg:path', {d: arc(year.low, year.high, .75), class: 'interval', fill: 'none', 'stroke-width': 5}), ...ticks,
      element('svg:path', {d: `M110 108L${point(year.expected, .45)}`, class: 'hand', 'stroke-width': 3}), element('svg:circle', {cx: 110, cy: 108, r: 4, class: 'hand'}),
      element('svg:text', {x: 110, y: 130, class: 'expected'}, words)),
    element('figcaption', {}, `${year.low.toFixed(0)} to ${year.high.toFixed(0)} (${percent(year.coverage)} prediction interval); modernity score ${year.score.toFixed(1)} of ${density.length}. From ${year.source}.`))
}

function showImage({canvas, width, height}, box) {
  const scale = Math.min(640 / Math.max(width, height), 1)
  for (const id of ['view', 'map']) {
    Object.assign($(id), {width: Math.max(Math.round(width * scale), 1), height: Math.max(Math.round(height * scale), 1)})
    const context = $(id).getContext('2d')
    context.imageSmoothingQuality = 'high'
    context.drawImage(canvas, 0, 0, $(id).width, $(id).height)
  }
  $('box').hidden = !box
  if (box) Object.assign($('box').style, {left: `${100 * box[0]}%`, top: `${100 * box[1]}%`, width: `${100 * (box[2] - box[0])}%`, height: `${100 * (box[3] - box[1])}%`})
  $('where').textContent = box ? 'Predicted bounding box.' : ''
}

// The image, darkened where the map is low.
function showMap(map, size, method, explained) {
  const cover = Object.assign(document.createElement('canvas'), {width: size, height: size}), dark = new ImageData(size, size)
  map.forEach((v, i) => { dark.data[4 * i + 3] = Math.round(255 * (.8 - .8 * v ** .7)) })
  cover.getContext('2d').putImageData(dark, 0, 0)
  const target = $('map').getContext('2d')
  target.drawImage($('view'), 0, 0)
  target.drawImage(cover, 0, 0, $('map').width, $('map').height)
  const words = map.some(v => v > 0) ? `${method.label}: bright pixels drive the prediction ${explained}. ` : 'The saliency map is zero everywhere: no pixel supports the prediction. '
  const verdict = element('span', {class: `verdict ${method.verdict.replace(' ', '-')}`}, `sanity check: ${method.verdict}`)
  $('mapped').replaceChildren(words, verdict, ` ${method.numbers}`)
}

function showSimilar(similar, gallery, missing) {
  if (!similar) return $('similar').replaceChildren(element('p', {}, `No similar cars: ${missing}.`))
  $('similar').replaceChildren(...similar.map(({name, distance, index}) => {
    const caption = element('figcaption', {}, element('b', {}, name), element('br'), `distance ${distance.toFixed(2)}`), tiles = gallery.thumbnails
    if (!tiles) return element('figure', {class: 'plain'}, caption)
    const tile = element('i', {role: 'img', 'aria-label': name})
    tile.style.backgroundImage = `url("${tiles.file}")`
    tile.style.backgroundPosition = `-${index % tiles.columns * tiles.width}px -${Math.trunc(index / tiles.columns) * tiles.height}px`
    return element('figure', {}, tile, caption)
  }))
}

function showError(sentence) { // and clear the answer before
  $('error').textContent = sentence
  $('error').hidden = false
  for (const id of ['prediction', 'explanation']) $(id).hidden = true
  for (const id of ['said', 'classes', 'dial', 'notes', 'similar', 'json', 'mapped']) $(id).replaceChildren()
  for (const id of ['view', 'map']) Object.assign($(id), {width: 1, height: 1})
  $('box').hidden = $('progress').hidden = true
}

// ---- Answering ----

class Page {
  constructor(about, networks, gallery) {
    Object.assign(this, {about, networks, gallery, latest: 0, drawing: 0, answering: false, question: question(about, about.years), method: about.methods[0]})
  }

  // The prediction for an image, and what the map needs.
  async predict(picture) {
    const {about} = this, network = this.networks[0], inputs = prepare(picture, network.about.size, network.about.load)
    const box = network.about.box_size ? prepare(picture, network.about.box_size, network.about.box_load) : null
    const out = await run(network, inputs, 1, network.about.outputs, box), logits = out.logits.data, probs = softmax(logits)
    const found = {image: {width: picture.width, height: picture.height}, target: about.target,
      classes: order(probs).slice(0, 5).map(i => ({name: about.classes[i], probability: probs[i]})), temperature: about.temperature}
    if (about.known) found.known = knownOf(out.ood_score.data[0], about.known)
    if (about.safe) found.answer = found.known && !found.known.known ? {} : safeAnswer(probs, about.safe)
    if (about.years) found.year = yearOf(await this.yearProbs(picture, probs), about.years)
    if (out.box) found.box = Array.from(out.box.data, v => Math.min(Math.max(v, 0), 1))
    if (this.gallery) found.similar = nearest(out.features.data, this.gallery)
    return {found, inputs, logits, maps: out.maps, column: this.question.column(logits)}
  }

  async yearProbs(picture, probs) {
    const network = this.networks[1]
    if (!network) return probs
    return softmax((await run(network, prepare(picture, network.about.size, network.about.load), 1, ['logits'])).logits.data)
  }

  // Answer one file. A newer file ends the answer to an older one.
  async answer(file) {
    const turn = ++this.latest, start = performance.now()
    this.answering = true
    this.drawing++ // ends the map of the image before
    $('error').hidden = true
    document.body.setAttribute('aria-busy', 'true')
    try {
      const picture = await decode(file, this.about.limits), predicted = await this.predict(picture), {found} = predicted
      if (turn !== this.latest) return
      showSaid(found, this.about)
      this.about.explains_year ? $('classes').replaceChildren() : showClasses(found.classes)
      showDial(found.year, this.about.years)
      for (const id of ['prediction', 'explanation']) $(id).hidden = false
      showImage(picture, found.box)
      showSimilar(found.similar, this.gallery, this.about.missing.similar)
      $('notes').replaceChildren(...this.about.image_notes.map(note => element('p', {class: 'note', role: 'note'}, note)))
      this.shown = predicted
      this.answering = false // from now on, `choose` draws another map
      await this.explain()
      this.milliseconds = performance.now() - start
    } catch (error) {
      if (turn !== this.latest) return
      this.shown = null
      showError(error instanceof Refused ? error.message : `This is an error of the page, not of the image: ${error.message}`)
      if (!(error instanceof Refused)) console.error(error)
    } finally {
      if (turn === this.latest) {
        this.answering = false
        document.body.removeAttribute('aria-busy')
      }
    }
  }

  choose(method) {
    this.method = method
    if (this.shown && !this.answering) return this.explain()
  }

  // Draw the map of the chosen method, and the results as JSON.
  async explain() {
    const turn = ++this.drawing, {method, shown, about} = this, network = this.networks[0], {size} = network.about, bothWays = about.explains_year
    const explained = bothWays ? 'the expected year' : about.classes[shown.column]
    const goOn = async done => {
      if (turn !== this.drawing) return false
      $('progress').value = done
      await new Promise(next => setTimeout(next)) // the page stays usable
      return true
    }
    $('mapped').replaceChildren()
    $('progress').hidden = method.name === 'gradcam'
    const map = method.name === 'gradcam' ? classActivation(shown.maps, this.question.slopes(shown.logits, shown.column), bothWays, size)
      : await goOn(0) && await occlusion(network, shown.inputs, this.question, shown.column, bothWays, goOn)
    if (!map || turn !== this.drawing) return
    $('progress').hidden = true
    this.map = onScale(map)
    showMap(this.map, size, method, explained)
    const {name, verdict, similarity, low, high} = method
    $('json').textContent = JSON.stringify({...shown.found, map: {method: name, question: explained, sanity_check: {verdict, similarity, low, high}}, notes: about.image_notes}, null, 1)
  }
}

// The controls: file, drop, paste, generated cars with their slider, methods.
function connect(page) {
  const {about} = page
  const take = file => {
    if (!file) return
    $('cars').querySelectorAll('button').forEach(b => b.setAttribute('aria-pressed', 'false'))
    page.answer(file)
  }
  $('file').disabled = false
  $('file').addEventListener('change', () => {
    take($('file').files[0])
    $('file').value = '' // the same file can be chosen again
  })
  document.addEventListener('dragover', event => { event.preventDefault(); $('drop').classList.add('over') })
  document.addEventListener('dragleave', () => $('drop').classList.remove('over'))
  document.addEventListener('drop', event => {
    event.preventDefault()
    $('drop').classList.remove('over')
    take(event.dataTransfer.files[0])
  })
  document.addEventListener('paste', event => take(event.clipboardData.files[0]))
  for (const method of about.methods) {
    const radio = element('input', {type: 'radio', name: 'method', id: `method-${method.name}`})
    radio.checked = method === page.method
    radio.addEventListener('change', () => page.choose(method))
    $('methods').append(radio, element('label', {for: radio.id}, `${method.label} (${method.verdict})`))
  }
  return connectExamples(page)
}

function connectExamples(page) {
  const {cars, years} = page.about.examples, slider = $('year')
  Object.assign(slider, {min: 0, max: years.length - 1, step: 1, value: Math.floor(years.length * .6)})
  const file = i => `examples/${cars[i]}-${years[+slider.value]}.jpg`
  const buttons = cars.map((car, i) => {
    const button = element('button', {type: 'button', 'aria-pressed': 'false'}, element('img', {alt: car, width: 96, height: 96}))
    button.addEventListener('click', () => ask(i))
    return button
  })
  const ask = async chosen => {
    buttons.forEach((b, i) => b.setAttribute('aria-pressed', String(i === chosen)))
    const name = file(chosen), response = await fetch(name)
    return page.answer(new File([await response.blob()], name.split('/').pop()))
  }
  const restyle = () => {
    $('styled').textContent = years[+slider.value]
    slider.setAttribute('aria-valuetext', String(years[+slider.value]))
    buttons.forEach((b, i) => { b.firstChild.src = file(i) })
  }
  slider.addEventListener('input', restyle)
  slider.addEventListener('change', () => ask(Math.max(buttons.findIndex(b => b.getAttribute('aria-pressed') === 'true'), 0)))
  $('cars').append(...buttons)
  $('examples').hidden = false
  restyle()
  return () => ask(0)
}

// ---- Start ----

async function start() {
  if (location.protocol === 'file:') {
    $('state').textContent = ''
    return showError('Browsers do not run a network from a file. In a terminal, in the folder of this page: python -m http.server. Then open http://localhost:8000')
  }
  try {
    const about = JSON.parse(new TextDecoder().decode(await load('page.json')))
    document.title = about.title
    $('title').textContent = about.title
    $('about').textContent = about.about
    const gallery = about.gallery ? load(about.gallery.file) : null
    const [ort, wasm, ...models] = await Promise.all([import('./ort.wasm.min.mjs'), load('ort-wasm-simd-threaded.wasm.gz'), ...about.networks.map(n => load(n.file))])
    ort.env.wasm.wasmBinary = wasm.buffer
    ort.env.wasm.numThreads = self.crossOriginIsolated ? Math.min(navigator.hardwareConcurrency || 1, 4) : 1
    const networks = []
    for (const [i, model] of models.entries()) networks.push({ort, about: about.networks[i], session: await ort.InferenceSession.create(model)})
    const page = new Page(about, networks, gallery && {...about.gallery, vectors: new Int8Array((await gallery).buffer)})
    const first = connect(page)
    page.ready = performance.now() // milliseconds since the page was opened
    self.page = page // for tests
    $('state').textContent = `Ready, on ${ort.env.wasm.numThreads} thread${ort.env.wasm.numThreads > 1 ? 's' : ''}.`
    keepOffline()
    await first()
  } catch (error) {
    $('state').textContent = ''
    showError(`The page cannot start: ${error.message}`)
    console.error(error)
  }
}

// Keep the files of the page in this browser, and say so.
async function keepOffline() {
  if (!('serviceWorker' in navigator) || !self.isSecureContext) return
  try {
    await navigator.serviceWorker.register('sw.js')
    await navigator.serviceWorker.ready
    $('offline').textContent = 'The page is saved in this browser: it also works offline.'
  } catch (error) { console.warn('The page is not saved for use offline:', error.message) }
}

start()
