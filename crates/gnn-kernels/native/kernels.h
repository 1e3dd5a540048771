// Loops over rows of a compressed sparse matrix. Each works on the rows `begin` to `end`, so that threads share them
// out. Row i has the edges offsets[i] to offsets[i + 1].
#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <vector>

#if defined(__x86_64__) && defined(__linux__) && defined(__GNUC__) && !defined(__clang__)
#define CLONES __attribute__((target_clones("default", "arch=haswell", "arch=skylake-avx512")))
#define INLINE __attribute__((always_inline)) inline
#else
#define CLONES
#define INLINE inline
#endif

namespace tachograph {

// Edges of each row: the row that an edge reads, and the place of its weight. A null pointer is the identity.
struct Edges {
  const int64_t* offsets;
  const int64_t* reads;
  const int64_t* place;

  INLINE int64_t read(int64_t k) const { return reads ? reads[k] : k; }
  INLINE int64_t at(int64_t k) const { return place ? place[k] : k; }
};

INLINE double exponential(double x) { return std::exp(x); }

// To 1 unit in the last place from -87.3 to 88.3, in operations that compilers vectorise: 2ⁿ·p(x − n·ln 2).
INLINE float exponential(float x) {
  x = x < -87.3f ? -87.3f : x;
  x = x > 88.3f ? 88.3f : x;
  const float magic = 12582912.0f;
  const float shifted = x * 1.44269504f + magic;
  const float n = shifted - magic;
  const float r = (x - n * 0.693359375f) + n * 2.12194440e-4f;
  float p = 1.9875691500e-4f;
  p = p * r + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  p = (p * r) * r + r + 1.0f;
  int32_t bits;
  std::memcpy(&bits, &shifted, 4);
  bits = (bits - 0x4B400000 + 127) * (1 << 23);
  float power;
  std::memcpy(&power, &bits, 4);
  return p * power;
}

// y[i, h, :] = Σ w[e, h] · x[read(e), h, :]; without w, plain sums.
template <typename T>
struct WeightedSum {
  Edges edges;
  const T* w;
  int64_t heads;
  const T* x;
  int64_t d;
  T* y;

  INLINE void operator()(int64_t begin, int64_t end) const {
    const int64_t width = d / heads;
    for (int64_t i = begin; i < end; i++) {
      T* __restrict out = y + i * d;
      const int64_t first = edges.offsets[i], last = edges.offsets[i + 1];
      if (first == last) std::memset(out, 0, d * sizeof(T));
      for (int64_t k = first; k < last; k++) {
        const T* row = x + edges.read(k) * d;
        for (int64_t h = 0; h < heads; h++) {
          const T factor = w ? w[edges.at(k) * heads + h] : T(1);
          T* o = out + h * width;
          const T* r = row + h * width;
          if (k == first) {
            for (int64_t c = 0; c < width; c++) o[c] = factor * r[c];
          } else {
            for (int64_t c = 0; c < width; c++) o[c] += factor * r[c];
          }
        }
      }
    }
  }
};

// dw[e, h] = ⟨dy[i, h, :], x[read(e), h, :]⟩
template <typename T>
struct WeightGradient {
  Edges edges;
  int64_t heads;
  const T* x;
  const T* dy;
  int64_t d;
  T* dw;

  INLINE void operator()(int64_t begin, int64_t end) const {
    const int64_t width = d / heads;
    for (int64_t i = begin; i < end; i++)
      for (int64_t k = edges.offsets[i]; k < edges.offsets[i + 1]; k++)
        for (int64_t h = 0; h < heads; h++) {
          const T* r = x + edges.read(k) * d + h * width;
          const T* g = dy + i * d + h * width;
          T lanes[16] = {0};
          int64_t c = 0;
          for (; c + 16 <= width; c += 16)
            for (int64_t l = 0; l < 16; l++) lanes[l] += r[c + l] * g[c + l];
          for (; c < width; c++) lanes[0] += r[c] * g[c];
          T total = 0;
          for (int64_t l = 0; l < 16; l++) total += lanes[l];
          dw[k * heads + h] = total;
        }
  }
};

// y = the greatest of sign · x over the edges of a row, 0 for a row without edges.
template <typename T>
struct Extreme {
  Edges edges;
  T sign;
  const T* x;
  int64_t d;
  T* y;

  INLINE void operator()(int64_t begin, int64_t end) const {
    for (int64_t i = begin; i < end; i++) {
      T* __restrict out = y + i * d;
      const int64_t first = edges.offsets[i], last = edges.offsets[i + 1];
      if (first == last) std::memset(out, 0, d * sizeof(T));
      for (int64_t k = first; k < last; k++) {
        const T* row = x + edges.read(k) * d;
        if (k == first) {
          for (int64_t c = 0; c < d; c++) out[c] = row[c];
        } else {
          for (int64_t c = 0; c < d; c++) out[c] = sign * row[c] > sign * out[c] || row[c] != row[c] ? row[c] : out[c];
        }
      }
    }
  }
};

// share = dy / Σ counts of the edges that reach the extremum, as they share its gradient.
template <typename T>
struct ExtremeShare {
  Edges edges;
  const T* counts;
  const T* x;
  const T* y;
  const T* dy;
  int64_t d;
  T* share;

  INLINE void operator()(int64_t begin, int64_t end) const {
    for (int64_t i = begin; i < end; i++) {
      T* __restrict out = share + i * d;
      const T *best = y + i * d, *g = dy + i * d;
      std::memset(out, 0, d * sizeof(T));
      for (int64_t k = edges.offsets[i]; k < edges.offsets[i + 1]; k++) {
        const T* row = x + edges.read(k) * d;
        const T n = counts ? counts[k] : T(1);
        for (int64_t c = 0; c < d; c++) out[c] += row[c] == best[c] ? n : T(0);
      }
      for (int64_t c = 0; c < d; c++) out[c] = out[c] > T(0) ? g[c] / out[c] : T(0);
    }
  }
};

// dx[i] = Σ over the edges out of i of counts · share[read] where x[i] is the extremum y[read].
template <typename T>
struct ExtremeGradient {
  Edges out_edges;
  const T* counts;
  const T* x;
  const T* y;
  const T* share;
  int64_t d;
  T* dx;

  INLINE void operator()(int64_t begin, int64_t end) const {
    for (int64_t i = begin; i < end; i++) {
      T* __restrict out = dx + i * d;
      const T* row = x + i * d;
      std::memset(out, 0, d * sizeof(T));
      for (int64_t k = out_edges.offsets[i]; k < out_edges.offsets[i + 1]; k++) {
        const T *best = y + out_edges.read(k) * d, *s = share + out_edges.read(k) * d;
        const T n = counts ? counts[out_edges.at(k)] : T(1);
        for (int64_t c = 0; c < d; c++) out[c] += row[c] == best[c] ? n * s[c] : T(0);
      }
    }
  }
};

// y = Σ n·exp(t·x)·x / Σ n·exp(t·x) and lse = log Σ n·exp(t·x), channel by channel; 0 for a row without edges.
template <typename T>
struct SoftmaxSum {
  Edges edges;
  const T* counts;
  T t;
  const T* x;
  int64_t d;
  T* y;
  T* lse;

  INLINE void operator()(int64_t begin, int64_t end) const {
    std::vector<T> totals(d);
    T* __restrict total = totals.data();
    for (int64_t i = begin; i < end; i++) {
      T* __restrict out = y + i * d;
      T* __restrict top = lse + i * d;
      const int64_t first = edges.offsets[i], last = edges.offsets[i + 1];
      std::memset(out, 0, d * sizeof(T));
      std::memset(total, 0, d * sizeof(T));
      if (first == last) {
        std::memset(top, 0, d * sizeof(T));
        continue;
      }
      for (int64_t k = first; k < last; k++) {
        const T* row = x + edges.read(k) * d;
        if (k == first) {
          for (int64_t c = 0; c < d; c++) top[c] = t * row[c];
        } else {
          for (int64_t c = 0; c < d; c++) top[c] = t * row[c] > top[c] ? t * row[c] : top[c];
        }
      }
      for (int64_t k = first; k < last; k++) {
        const T* row = x + edges.read(k) * d;
        const T n = counts ? counts[k] : T(1);
        for (int64_t c = 0; c < d; c++) {
          const T p = n * exponential(t * row[c] - top[c]);
          total[c] += p;
          out[c] += p * row[c];
        }
      }
      for (int64_t c = 0; c < d; c++) {
        out[c] /= total[c];
        top[c] += std::log(total[c]);
      }
    }
  }
};

// dx[i] = Σ over the edges out of i of n·p·dy·(1 + t·(x − y)), p = exp(t·x − lse).
template <typename T>
struct SoftmaxSumGradient {
  Edges out_edges;
  const T* counts;
  T t;
  const T* x;
  const T* y;
  const T* lse;
  const T* dy;
  int64_t d;
  T* dx;

  INLINE void operator()(int64_t begin, int64_t end) const {
    for (int64_t i = begin; i < end; i++) {
      T* __restrict out = dx + i * d;
      const T* row = x + i * d;
      std::memset(out, 0, d * sizeof(T));
      for (int64_t k = out_edges.offsets[i]; k < out_edges.offsets[i + 1]; k++) {
        const int64_t j = out_edges.read(k) * d;
        const T n = counts ? counts[out_edges.at(k)] : T(1);
        for (int64_t c = 0; c < d; c++) {
          const T p = n * exponential(t * row[c] - lse[j + c]);
          out[c] += p * dy[j + c] * (T(1) + t * (row[c] - y[j + c]));
        }
      }
    }
  }
};

// p[e, h] = exp(z[e, h]) / Σ n·exp(z) over the edges of the row.
template <typename T>
struct Softmax {
  Edges edges;
  const T* counts;
  const T* z;
  int64_t heads;
  T* p;

  INLINE void operator()(int64_t begin, int64_t end) const {
    for (int64_t i = begin; i < end; i++) {
      const int64_t first = edges.offsets[i], last = edges.offsets[i + 1];
      for (int64_t h = 0; h < heads; h++) {
        T top = -std::numeric_limits<T>::infinity(), total = 0;
        for (int64_t k = first; k < last; k++) top = z[k * heads + h] > top ? z[k * heads + h] : top;
        for (int64_t k = first; k < last; k++) {
          const T e = exponential(z[k * heads + h] - top);
          p[k * heads + h] = e;
          total += (counts ? counts[k] : T(1)) * e;
        }
        for (int64_t k = first; k < last; k++) p[k * heads + h] /= total;
      }
    }
  }
};

// dz = p·dp − n·p·Σ p·dp
template <typename T>
struct SoftmaxGradient {
  Edges edges;
  const T* counts;
  const T* p;
  const T* dp;
  int64_t heads;
  T* dz;

  INLINE void operator()(int64_t begin, int64_t end) const {
    for (int64_t i = begin; i < end; i++) {
      const int64_t first = edges.offsets[i], last = edges.offsets[i + 1];
      for (int64_t h = 0; h < heads; h++) {
        T inner = 0;
        for (int64_t k = first; k < last; k++) inner += p[k * heads + h] * dp[k * heads + h];
        for (int64_t k = first; k < last; k++) {
          const int64_t e = k * heads + h;
          dz[e] = p[e] * (dp[e] - (counts ? counts[k] : T(1)) * inner);
        }
      }
    }
  }
};

} // namespace tachograph
