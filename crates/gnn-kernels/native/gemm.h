// Products of f32 matrices on the matrix unit of recent Intel processors (AMX), which multiplies bfloat16.
//
// A float is the sum of three bfloat16 numbers: x = x0 + x1 + x2, each the rounded rest of the one before. Of the nine
// products of two such sums the six largest are kept, the unit adds in f32, and what is left out is below 2⁻²⁴ of the
// result: the rounding of f32 itself (Henry, Tang, Heinecke, "Leveraging the bfloat16 Artificial Intelligence Datatype
// For Higher-Precision Computations", ARITH 2019). Infinities may become NaN; nothing that is not finite becomes finite.
#pragma once

#include <cstdint>

#if defined(__x86_64__) && defined(__linux__) && defined(__GNUC__) && !defined(__clang__) && __GNUC__ >= 11
#define MATRIX_UNIT 1
#endif

namespace tachograph {

// Rows or columns are packed 32 at a time, 32 numbers of the inner dimension at a time: three parts of two tiles each.
constexpr int64_t PANEL = 32;
constexpr int64_t STEP = 3 * 2 * 16 * 32;

inline int64_t panels(int64_t n) { return (n + PANEL - 1) / PANEL; }

// Numbers of one packed panel, inner dimension `k`.
inline int64_t packed(int64_t k) { return panels(k) * STEP; }

#ifdef MATRIX_UNIT

// True where the processor has the unit and the kernel lets this process use it.
bool matrix_unit();

// One panel of the left matrix: `rows` rows (at most 32) of length k, `stride` apart.
void pack_left(const float* x, int64_t stride, int64_t rows, int64_t k, uint16_t* out);

// One panel of the left matrix from its transpose: k rows of `columns` numbers (at most 32), `stride` apart.
void pack_left_transposed(const float* x, int64_t stride, int64_t k, int64_t columns, uint16_t* out);

// One panel of the right matrix: k rows of `columns` numbers (at most 32), `stride` apart.
void pack_right(const float* x, int64_t stride, int64_t k, int64_t columns, uint16_t* out);

// One panel of the right matrix from its transpose: `rows` rows (at most 32) of length k, `stride` apart.
void pack_right_transposed(const float* x, int64_t stride, int64_t rows, int64_t k, uint16_t* out);

// y += left · right for the panels of `rows` rows of the left and of `n` columns of the right; rows of y are `stride`
// apart. Between `begin_products` and `end_products`.
void multiply(const uint16_t* left, const uint16_t* right, int64_t rows, int64_t k, int64_t n, float* y, int64_t stride);

// The unit's state is a thread's own.
void begin_products();
void end_products();

#else

inline bool matrix_unit() { return false; }
inline void pack_left(const float*, int64_t, int64_t, int64_t, uint16_t*) {}
inline void pack_left_transposed(const float*, int64_t, int64_t, int64_t, uint16_t*) {}
inline void pack_right(const float*, int64_t, int64_t, int64_t, uint16_t*) {}
inline void pack_right_transposed(const float*, int64_t, int64_t, int64_t, uint16_t*) {}
inline void multiply(const uint16_t*, const uint16_t*, int64_t, int64_t, int64_t, float*, int64_t) {}
inline void begin_products() {}
inline void end_products() {}

#endif

} // namespace tachograph
