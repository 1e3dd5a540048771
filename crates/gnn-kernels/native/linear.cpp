// Affine maps as autograd functions on the matrix unit, f32 on the CPU, differentiable once.

#include <ATen/Parallel.h>
#include <ATen/ops/zeros.h>
#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>
#include <vector>

#include "gemm.h"
#include "interface.h"

namespace {

using namespace tachograph;
using at::Tensor;
using torch::autograd::AutogradContext;
using torch::autograd::Function;
using torch::autograd::variable_list;

int64_t grain(int64_t work) { return std::max<int64_t>(1, (1 << 20) / std::max<int64_t>(1, work)); }

template <class F>
void over_panels(int64_t n, int64_t work, const F& f) {
  at::parallel_for(0, panels(n), grain(PANEL * work), [&](int64_t begin, int64_t end) {
    for (int64_t p = begin; p < end; p++) f(p, std::min(PANEL, n - p * PANEL));
  });
}

// What y holds before a product is added to it.
struct Start {
  bool keep;
  const float* bias;

  void operator()(float* y, int64_t rows, int64_t n) const {
    if (keep) return;
    if (!bias) std::fill_n(y, rows * n, 0.0f);
    for (int64_t i = 0; bias && i < rows; i++) std::copy_n(bias, n, y + i * n);
  }
};

// y = start + x · right, where the right matrix has inner dimension k and n columns: (m, k) → (m, n).
void product(const Tensor& x, const uint16_t* right, int64_t n, Start start, Tensor& y) {
  const int64_t m = x.size(0), k = x.size(1);
  const float* from = x.const_data_ptr<float>();
  float* to = y.mutable_data_ptr<float>();
  // Four panels of rows share a reading of the right matrix.
  constexpr int64_t ROWS = 4 * PANEL;
  at::parallel_for(0, (m + ROWS - 1) / ROWS, grain(ROWS * k * n), [&](int64_t begin, int64_t end) {
    std::vector<uint16_t> left(4 * packed(k));
    begin_products();
    for (int64_t i = begin * ROWS; i < std::min(m, end * ROWS); i += ROWS) {
      const int64_t rows = std::min(ROWS, m - i);
      for (int64_t p = 0; p < panels(rows); p++)
        pack_left(from + (i + p * PANEL) * k, k, std::min(PANEL, rows - p * PANEL), k, left.data() + p * packed(k));
      start(to + i * n, rows, n);
      multiply(left.data(), right, rows, k, n, to + i * n, n);
    }
    end_products();
  });
}

// wᵀ as a packed right matrix: (out, in) → bytes.
Tensor pack_weight(const Tensor& w) {
  const int64_t n = w.size(0), k = w.size(1), one = packed(k);
  const float* from = w.const_data_ptr<float>();
  Tensor right = at::empty({panels(n) * one}, w.options().dtype(at::kShort));
  auto* to = reinterpret_cast<uint16_t*>(right.mutable_data_ptr<int16_t>());
  over_panels(n, k, [&](int64_t p, int64_t rows) { pack_right_transposed(from + p * PANEL * k, k, rows, k, to + p * one); });
  return right;
}

const uint16_t* numbers(const Tensor& packed) { return reinterpret_cast<const uint16_t*>(packed.const_data_ptr<int16_t>()); }

// y = start + x · wᵀ: (m, in), (out, in) → (m, out).
void linear(const Tensor& x, const Tensor& w, Start start, Tensor& y) {
  product(x, numbers(pack_weight(w)), w.size(0), start, y);
}

// g · w: (m, out), (out, in) → (m, in).
Tensor input_gradient(const Tensor& g, const Tensor& w) {
  const int64_t k = w.size(0), n = w.size(1), one = packed(k);
  const float* from = w.const_data_ptr<float>();
  std::vector<uint16_t> right(panels(n) * one);
  over_panels(n, k, [&](int64_t p, int64_t columns) { pack_right(from + p * PANEL, n, k, columns, right.data() + p * one); });
  Tensor dx = fresh({g.size(0), n}, g.options());
  product(g, right.data(), n, {false, nullptr}, dx);
  return dx;
}

// gᵀ · x: (m, out), (m, in) → (out, in), so many rows at a time that the packed parts stay in the second cache.
Tensor weight_gradient(const Tensor& g, const Tensor& x) {
  constexpr int64_t ROWS = 512;
  const int64_t m = x.size(0), out = g.size(1), in = x.size(1), one = packed(ROWS);
  const float *left_from = g.const_data_ptr<float>(), *right_from = x.const_data_ptr<float>();
  Tensor dw = at::zeros({out, in}, x.options());
  float* to = dw.mutable_data_ptr<float>();
  std::vector<uint16_t> left(panels(out) * one), right(panels(in) * one);
  for (int64_t start = 0; start < m; start += ROWS) {
    const int64_t k = std::min(ROWS, m - start), part = packed(k);
    over_panels(out, k, [&](int64_t p, int64_t columns) {
      pack_left_transposed(left_from + start * out + p * PANEL, out, k, columns, left.data() + p * part);
    });
    over_panels(in, k, [&](int64_t p, int64_t columns) {
      pack_right(right_from + start * in + p * PANEL, in, k, columns, right.data() + p * part);
    });
    at::parallel_for(0, panels(out), grain(PANEL * k * in), [&](int64_t begin, int64_t end) {
      begin_products();
      const int64_t rows = std::min(out, end * PANEL) - begin * PANEL;
      multiply(left.data() + begin * part, right.data(), rows, k, in, to + begin * PANEL * in, in);
      end_products();
    });
  }
  return dw;
}

// The gradients of x · wᵀ in both.
std::pair<Tensor, Tensor> gradients(AutogradContext* ctx, const Tensor& g, const Tensor& x, const Tensor& w) {
  return {ctx->saved_data["x"].toBool() ? input_gradient(g, w) : Tensor(), ctx->saved_data["w"].toBool() ? weight_gradient(g, x) : Tensor()};
}

void remember(AutogradContext* ctx, const Tensor& x, const Tensor& w) {
  ctx->saved_data["x"] = x.requires_grad();
  ctx->saved_data["w"] = w.requires_grad();
  ctx->save_for_backward({w.requires_grad() ? x : Tensor(), x.requires_grad() ? w : Tensor()});
}

struct Linear : Function<Linear> {
  static Tensor forward(AutogradContext* ctx, const Tensor& x, const Tensor& w, const std::optional<Tensor>& bias) {
    remember(ctx, x, w);
    ctx->saved_data["bias"] = bias && bias->requires_grad();
    Tensor y = fresh({x.size(0), w.size(0)}, x.options());
    linear(x, w, {false, bias ? bias->const_data_ptr<float>() : nullptr}, y);
    return y;
  }
  static variable_list backward(AutogradContext* ctx, variable_list grads) {
    const auto saved = ctx->get_saved_variables();
    const Tensor g = grads[0].contiguous();
    const auto [dx, dw] = gradients(ctx, g, saved[0], saved[1]);
    return {dx, dw, ctx->saved_data["bias"].toBool() ? g.sum(0) : Tensor()};
  }
};

struct AddLinear : Function<AddLinear> {
  static Tensor forward(AutogradContext* ctx, Tensor y, const Tensor& x, const Tensor& w) {
    remember(ctx, x, w);
    ctx->mark_dirty({y});
    linear(x, w, {true, nullptr}, y);
    return y;
  }
  static variable_list backward(AutogradContext* ctx, variable_list grads) {
    const auto saved = ctx->get_saved_variables();
    const Tensor g = grads[0].contiguous();
    const auto [dx, dw] = gradients(ctx, g, saved[0], saved[1]);
    return {g, dx, dw};
  }
};

} // namespace

// Shapes: x (m, in), weight (out, in), bias (out), y (m, out) and contiguous. As in segments.cpp, null means failure.
extern "C" {
bool tachograph_matrix_unit() { return matrix_unit(); }

Tensor* tachograph_linear(const Tensor* x, const Tensor* weight, const Tensor* bias) {
  return guarded([&] { return Linear::apply(x->contiguous(), weight->contiguous(), bias ? std::optional<Tensor>(bias->contiguous()) : std::nullopt); });
}

// True where no gradient is recorded.
bool tachograph_inference() { return !at::GradMode::is_enabled(); }

// A weight as `tachograph_linear_packed` takes it.
Tensor* tachograph_pack(const Tensor* weight) {
  return guarded([&] { return pack_weight(weight->contiguous()); });
}

// x (m, in) with a packed weight of `outputs` rows; no gradient.
Tensor* tachograph_linear_packed(const Tensor* x, const Tensor* weight, int64_t outputs, const Tensor* bias) {
  return guarded([&] {
    Tensor y = fresh({x->size(0), outputs}, x->options());
    product(x->contiguous(), numbers(*weight), outputs, {false, bias ? bias->const_data_ptr<float>() : nullptr}, y);
    return y;
  });
}

Tensor* tachograph_add_linear_packed(const Tensor* y, const Tensor* x, const Tensor* weight) {
  return guarded([&] {
    Tensor sum = *y;
    product(x->contiguous(), numbers(*weight), y->size(1), {true, nullptr}, sum);
    return sum;
  });
}

Tensor* tachograph_add_linear(const Tensor* y, const Tensor* x, const Tensor* weight) {
  return guarded([&] { return AddLinear::apply(*y, x->contiguous(), weight->contiguous()); });
}
}
