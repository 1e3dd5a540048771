#include "gemm.h"

#ifdef MATRIX_UNIT

#include <cpuid.h>
#include <immintrin.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

#define UNIT __attribute__((target("avx512f,avx512bw,avx512vl,avx512bf16,amx-tile,amx-bf16")))

namespace tachograph {
namespace {

constexpr int64_t TILE = 16 * 32;

// Tiles 0 to 7, each 16 rows of 64 bytes.
struct alignas(64) Configuration {
  uint8_t palette = 1, start = 0, reserved[14] = {0};
  uint16_t columns[16] = {64, 64, 64, 64, 64, 64, 64, 64};
  uint8_t rows[16] = {16, 16, 16, 16, 16, 16, 16, 16};
};

bool usable() {
  unsigned a, b, c, d;
  if (!__get_cpuid_count(7, 0, &a, &b, &c, &d)) return false;
  const bool amx = (d >> 22 & 1) && (d >> 24 & 1), avx512 = (b >> 16 & 1) && (b >> 30 & 1) && (b >> 31 & 1);
  if (!__get_cpuid_count(7, 1, &a, &b, &c, &d)) return false;
  constexpr int request = 0x1023, tile_data = 18;
  return amx && avx512 && (a >> 5 & 1) && syscall(SYS_arch_prctl, request, tile_data) == 0;
}

struct Parts {
  __m256i part[3];
};

UNIT inline __m512 widen(__m256i h) { return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(h), 16)); }

UNIT inline Parts split(__m512 x) {
  Parts p;
  p.part[0] = (__m256i)_mm512_cvtneps_pbh(x);
  x = _mm512_sub_ps(x, widen(p.part[0]));
  p.part[1] = (__m256i)_mm512_cvtneps_pbh(x);
  x = _mm512_sub_ps(x, widen(p.part[1]));
  p.part[2] = (__m256i)_mm512_cvtneps_pbh(x);
  return p;
}

UNIT inline __m512 load(const float* x, int64_t n) {
  return n >= 16 ? _mm512_loadu_ps(x) : n <= 0 ? _mm512_setzero_ps() : _mm512_maskz_loadu_ps((1u << n) - 1, x);
}

} // namespace

bool matrix_unit() {
  static const bool is_usable = usable();
  return is_usable;
}

// Static and volatile, since the intrinsic tells the compiler of its first bytes only.
static volatile Configuration configuration;

UNIT void begin_products() { _tile_loadconfig(const_cast<const Configuration*>(&configuration)); }

UNIT void end_products() { _tile_release(); }

UNIT void pack_left(const float* x, int64_t stride, int64_t rows, int64_t k, uint16_t* out) {
  if (rows < PANEL) std::memset(out, 0, panels(k) * STEP * sizeof(uint16_t));
  for (int64_t i = 0; i < rows; i++)
    for (int64_t s = 0; s < panels(k); s++)
      for (int64_t half = 0; half < 2; half++) {
        const int64_t c = s * 32 + half * 16;
        const Parts p = split(load(x + i * stride + c, k - c));
        for (int64_t q = 0; q < 3; q++) {
          uint16_t* to = out + s * STEP + (q * 2 + i / 16) * TILE + i % 16 * 32 + half * 16;
          _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), p.part[q]);
        }
      }
}

void pack_left_transposed(const float* x, int64_t stride, int64_t k, int64_t columns, uint16_t* out) {
  alignas(64) float block[PANEL * PANEL];
  for (int64_t s = 0; s < panels(k); s++) {
    const int64_t depth = std::min(PANEL, k - s * PANEL);
    if (columns < PANEL || depth < PANEL) std::memset(block, 0, sizeof(block));
    for (int64_t j = 0; j < depth; j++)
      for (int64_t i = 0; i < columns; i++) block[i * PANEL + j] = x[(s * PANEL + j) * stride + i];
    pack_left(block, PANEL, PANEL, PANEL, out + s * STEP);
  }
}

void pack_right_transposed(const float* x, int64_t stride, int64_t rows, int64_t k, uint16_t* out) {
  pack_left(x, stride, rows, k, out);
  uint32_t tile[16][16];
  for (int64_t t = 0; t < panels(k) * STEP / TILE; t++) {
    auto* pairs = reinterpret_cast<uint32_t*>(out + t * TILE);
    std::memcpy(tile, pairs, sizeof(tile));
    for (int64_t i = 0; i < 16; i++)
      for (int64_t j = 0; j < 16; j++) pairs[i * 16 + j] = tile[j][i];
  }
}

UNIT void pack_right(const float* x, int64_t stride, int64_t k, int64_t columns, uint16_t* out) {
  for (int64_t s = 0; s < panels(k); s++)
    for (int64_t pair = 0; pair < 16; pair++)
      for (int64_t half = 0; half < 2; half++) {
        const int64_t row = s * PANEL + pair * 2, c = half * 16;
        const Parts even = split(load(x + row * stride + c, row < k ? columns - c : 0));
        const Parts odd = split(load(x + (row + 1) * stride + c, row + 1 < k ? columns - c : 0));
        for (int64_t q = 0; q < 3; q++) {
          const __m512i low = _mm512_cvtepu16_epi32(even.part[q]), high = _mm512_cvtepu16_epi32(odd.part[q]);
          uint16_t* to = out + s * STEP + (q * 2 + half) * TILE + pair * 32;
          _mm512_storeu_si512(to, _mm512_or_si512(low, _mm512_slli_epi32(high, 16)));
        }
      }
}

// One block of y, 32 columns and 32 rows or, with HALF, 16 rows, in tiles 0 to 3; the left in 4 and 5, the right in 6 and
// 7. A tile is loaded as soon as its last product has begun, while the products of the others run.
template <bool HALF>
UNIT static void block(const uint16_t* left, const uint16_t* right, int64_t steps, float* y, int64_t stride) {
  const int64_t bytes = stride * sizeof(float);
  _tile_loadd(0, y, bytes);
  _tile_loadd(1, y + 16, bytes);
  if (!HALF) _tile_loadd(2, y + 16 * stride, bytes);
  if (!HALF) _tile_loadd(3, y + 16 * stride + 16, bytes);
  _tile_loadd(4, left + 4 * TILE, 64);
  if (!HALF) _tile_loadd(5, left + 5 * TILE, 64);
  _tile_loadd(6, right, 64);
  _tile_loadd(7, right + TILE, 64);
#define THEN_LEFT(at)                               \
  _tile_dpbf16ps(0, 4, 6);                          \
  _tile_dpbf16ps(1, 4, 7);                          \
  _tile_loadd(4, (at), 64);                         \
  if (!HALF) {                                      \
    _tile_dpbf16ps(2, 5, 6);                        \
    _tile_dpbf16ps(3, 5, 7);                        \
    _tile_loadd(5, (at) + TILE, 64);                \
  }
#define THEN_RIGHT(at)                              \
  _tile_dpbf16ps(0, 4, 6);                          \
  if (!HALF) _tile_dpbf16ps(2, 5, 6);               \
  _tile_loadd(6, (at), 64);                         \
  _tile_dpbf16ps(1, 4, 7);                          \
  if (!HALF) _tile_dpbf16ps(3, 5, 7);               \
  _tile_loadd(7, (at) + TILE, 64);
  for (int64_t s = 0; s < steps; s++) {
    const int64_t next = s + 1 < steps ? STEP : 0;
    THEN_LEFT(left + 2 * TILE)   // x2·w0
    THEN_RIGHT(right + 2 * TILE) // x1·w0
    THEN_LEFT(left)              // x1·w1
    THEN_RIGHT(right + 4 * TILE) // x0·w1
    THEN_RIGHT(right)            // x0·w2
    left += next;
    right += next;
    THEN_LEFT(left + 4 * TILE) // x0·w0
    _tile_loadd(6, right, 64);
    _tile_loadd(7, right + TILE, 64);
  }
  _tile_stored(0, y, bytes);
  _tile_stored(1, y + 16, bytes);
  if (!HALF) _tile_stored(2, y + 16 * stride, bytes);
  if (!HALF) _tile_stored(3, y + 16 * stride + 16, bytes);
}

void multiply(const uint16_t* left, const uint16_t* right, int64_t rows, int64_t k, int64_t n, float* y, int64_t stride) {
  const int64_t steps = panels(k);
  for (int64_t p = 0; p < panels(n); p++, right += steps * STEP)
    for (int64_t q = 0; q < panels(rows); q++) {
      const int64_t height = std::min(PANEL, rows - q * PANEL), width = std::min(PANEL, n - p * PANEL);
      const uint16_t* from = left + q * steps * STEP;
      float* to = y + q * PANEL * stride + p * PANEL;
      if (height == PANEL && width == PANEL) {
        block<false>(from, right, steps, to, stride);
        continue;
      }
      alignas(64) float edge[PANEL * PANEL] = {0};
      for (int64_t i = 0; i < height; i++) std::memcpy(edge + i * PANEL, to + i * stride, width * sizeof(float));
      (height > PANEL / 2 ? block<false> : block<true>)(from, right, steps, edge, PANEL);
      for (int64_t i = 0; i < height; i++) std::memcpy(to + i * stride, edge + i * PANEL, width * sizeof(float));
    }
}

} // namespace tachograph

#endif
