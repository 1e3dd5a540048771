// Segment operations as autograd functions on the CPU, in f32 and f64, differentiable once. `native.rs` calls the C
// interface at the end.

#include <ATen/Dispatch.h>
#include <ATen/Parallel.h>
#include <torch/csrc/autograd/custom_function.h>

#include "interface.h"
#include "kernels.h"

namespace {

using namespace tachograph;
using at::Tensor;
using torch::autograd::AutogradContext;
using torch::autograd::Function;
using torch::autograd::variable_list;

template <class K>
CLONES void chunk(const K& kernel, int64_t begin, int64_t end) {
  kernel(begin, end);
}

// Shares `rows` rows with `work` numbers in all among the threads of libtorch.
template <class K>
void over_rows(int64_t rows, int64_t work, const K& kernel) {
  const int64_t grain = std::max<int64_t>(1, rows * 16384 / std::max<int64_t>(1, work));
  at::parallel_for(0, rows, grain, [&](int64_t begin, int64_t end) { chunk(kernel, begin, end); });
}

// A sparse pattern and its transpose: [offsets, reads, transposed offsets, places, transposed reads]. `reads` may be
// undefined (edge k reads row k), and so may the transpose where no gradient is asked for.
struct Pattern {
  Tensor offsets, reads, out_offsets, out_places, out_reads;

  explicit Pattern(const variable_list& t) : offsets(t[0]), reads(t[1]), out_offsets(t[2]), out_places(t[3]), out_reads(t[4]) {}
  variable_list list() const { return {offsets, reads, out_offsets, out_places, out_reads}; }
  int64_t rows() const { return offsets.size(0) - 1; }
  int64_t columns() const { return out_offsets.size(0) - 1; }
  Edges edges() const { return {offsets.const_data_ptr<int64_t>(), pointer<int64_t>(reads), nullptr}; }
  Edges out_edges() const {
    return {out_offsets.const_data_ptr<int64_t>(), out_reads.const_data_ptr<int64_t>(), out_places.const_data_ptr<int64_t>()};
  }
  template <typename T>
  static const T* pointer(const Tensor& t) {
    return t.defined() ? t.const_data_ptr<T>() : nullptr;
  }
  template <typename T>
  static const T* pointer(const std::optional<Tensor>& t) {
    return t ? t->const_data_ptr<T>() : nullptr;
  }
};

// Saved tensors: the pattern's five, then `more`.
void save(AutogradContext* ctx, const Pattern& p, variable_list more) {
  variable_list all = p.list();
  all.insert(all.end(), more.begin(), more.end());
  ctx->save_for_backward(std::move(all));
}

int64_t work(const Pattern& p, const Tensor& x, int64_t edges) { return (p.rows() + edges) * x.size(1); }

int64_t edge_count(const Pattern& p) { return p.offsets.const_data_ptr<int64_t>()[p.rows()]; }

struct Sum : Function<Sum> {
  static Tensor forward(AutogradContext* ctx, const Tensor& x, const std::optional<Tensor>& weights, const variable_list& pattern) {
    const Pattern p(pattern);
    const Tensor w = weights.value_or(Tensor());
    const int64_t heads = w.defined() && w.dim() == 2 ? w.size(1) : 1, d = x.size(1);
    ctx->saved_data["x"] = x.requires_grad();
    ctx->saved_data["w"] = w.defined() && w.requires_grad();
    save(ctx, p, {w.defined() && w.requires_grad() ? x : Tensor(), w});
    Tensor y = fresh({p.rows(), d}, x.options());
    AT_DISPATCH_FLOATING_TYPES(x.scalar_type(), "sum", [&] {
      over_rows(p.rows(), work(p, x, edge_count(p)),
                WeightedSum<scalar_t>{p.edges(), Pattern::pointer<scalar_t>(w), heads, x.const_data_ptr<scalar_t>(), d, y.mutable_data_ptr<scalar_t>()});
    });
    return y;
  }
  static variable_list backward(AutogradContext* ctx, variable_list grads) {
    const auto saved = ctx->get_saved_variables();
    const Pattern p(saved);
    const Tensor &x = saved[5], &w = saved[6], dy = grads[0].contiguous();
    const int64_t heads = w.defined() && w.dim() == 2 ? w.size(1) : 1, d = dy.size(1), edges = edge_count(p);
    Tensor dx, dw;
    AT_DISPATCH_FLOATING_TYPES(dy.scalar_type(), "sum", [&] {
      const auto* g = dy.const_data_ptr<scalar_t>();
      if (ctx->saved_data["x"].toBool()) {
        dx = fresh({p.columns(), d}, dy.options());
        over_rows(p.columns(), work(p, dy, edges),
                  WeightedSum<scalar_t>{p.out_edges(), Pattern::pointer<scalar_t>(w), heads, g, d, dx.mutable_data_ptr<scalar_t>()});
      }
      if (ctx->saved_data["w"].toBool()) {
        dw = fresh(w.sizes(), w.options());
        over_rows(p.rows(), work(p, dy, edges),
                  WeightGradient<scalar_t>{p.edges(), heads, x.const_data_ptr<scalar_t>(), g, d, dw.mutable_data_ptr<scalar_t>()});
      }
    });
    return {dx, dw, Tensor()};
  }
};

struct Extremum : Function<Extremum> {
  static Tensor forward(AutogradContext* ctx, const Tensor& x, const std::optional<Tensor>& counts, double sign, const variable_list& pattern) {
    const Pattern p(pattern);
    const int64_t d = x.size(1);
    Tensor y = fresh({p.rows(), d}, x.options());
    AT_DISPATCH_FLOATING_TYPES(x.scalar_type(), "extremum", [&] {
      over_rows(p.rows(), work(p, x, edge_count(p)),
                Extreme<scalar_t>{p.edges(), static_cast<scalar_t>(sign), x.const_data_ptr<scalar_t>(), d, y.mutable_data_ptr<scalar_t>()});
    });
    save(ctx, p, {x, counts.value_or(Tensor()), y});
    return y;
  }
  static variable_list backward(AutogradContext* ctx, variable_list grads) {
    const auto saved = ctx->get_saved_variables();
    const Pattern p(saved);
    const Tensor &x = saved[5], &counts = saved[6], &y = saved[7], dy = grads[0].contiguous();
    const int64_t d = x.size(1), amount = work(p, x, edge_count(p));
    Tensor share = fresh(dy.sizes(), dy.options()), dx = fresh(x.sizes(), x.options());
    AT_DISPATCH_FLOATING_TYPES(x.scalar_type(), "extremum", [&] {
      const auto *n = Pattern::pointer<scalar_t>(counts), *from = x.const_data_ptr<scalar_t>(), *best = y.const_data_ptr<scalar_t>();
      over_rows(p.rows(), amount, ExtremeShare<scalar_t>{p.edges(), n, from, best, dy.const_data_ptr<scalar_t>(), d, share.mutable_data_ptr<scalar_t>()});
      over_rows(p.columns(), amount, ExtremeGradient<scalar_t>{p.out_edges(), n, from, best, share.const_data_ptr<scalar_t>(), d, dx.mutable_data_ptr<scalar_t>()});
    });
    return {dx, Tensor(), Tensor(), Tensor()};
  }
};

// Returns y and log Σ exp; gradients flow through y alone.
struct ChannelSoftmax : Function<ChannelSoftmax> {
  static Tensor forward(AutogradContext* ctx, const Tensor& x, const std::optional<Tensor>& counts, double t, const variable_list& pattern) {
    const Pattern p(pattern);
    const int64_t d = x.size(1);
    Tensor y = fresh({p.rows(), d}, x.options()), lse = fresh(y.sizes(), y.options());
    AT_DISPATCH_FLOATING_TYPES(x.scalar_type(), "softmax sum", [&] {
      over_rows(p.rows(), 8 * work(p, x, edge_count(p)),
                SoftmaxSum<scalar_t>{p.edges(), Pattern::pointer<scalar_t>(counts), static_cast<scalar_t>(t), x.const_data_ptr<scalar_t>(), d,
                                     y.mutable_data_ptr<scalar_t>(), lse.mutable_data_ptr<scalar_t>()});
    });
    ctx->saved_data["t"] = t;
    save(ctx, p, {x, counts.value_or(Tensor()), y, lse});
    return y;
  }
  static variable_list backward(AutogradContext* ctx, variable_list grads) {
    const auto saved = ctx->get_saved_variables();
    const Pattern p(saved);
    const Tensor &x = saved[5], &counts = saved[6], &y = saved[7], &lse = saved[8], dy = grads[0].contiguous();
    Tensor dx = fresh(x.sizes(), x.options());
    AT_DISPATCH_FLOATING_TYPES(x.scalar_type(), "softmax sum", [&] {
      over_rows(p.columns(), 8 * work(p, x, edge_count(p)),
                SoftmaxSumGradient<scalar_t>{p.out_edges(), Pattern::pointer<scalar_t>(counts), static_cast<scalar_t>(ctx->saved_data["t"].toDouble()),
                                             x.const_data_ptr<scalar_t>(), y.const_data_ptr<scalar_t>(), lse.const_data_ptr<scalar_t>(),
                                             dy.const_data_ptr<scalar_t>(), x.size(1), dx.mutable_data_ptr<scalar_t>()});
    });
    return {dx, Tensor(), Tensor(), Tensor()};
  }
};

struct SegmentSoftmax : Function<SegmentSoftmax> {
  static Tensor forward(AutogradContext* ctx, const Tensor& z, const std::optional<Tensor>& counts, const Tensor& offsets) {
    Tensor y = fresh(z.sizes(), z.options());
    const int64_t rows = offsets.size(0) - 1;
    AT_DISPATCH_FLOATING_TYPES(z.scalar_type(), "softmax", [&] {
      over_rows(rows, 8 * z.numel(),
                Softmax<scalar_t>{edges(offsets), Pattern::pointer<scalar_t>(counts), z.const_data_ptr<scalar_t>(), z.size(1), y.mutable_data_ptr<scalar_t>()});
    });
    ctx->save_for_backward({y, counts.value_or(Tensor()), offsets});
    return y;
  }
  static variable_list backward(AutogradContext* ctx, variable_list grads) {
    const auto saved = ctx->get_saved_variables();
    const Tensor &y = saved[0], &counts = saved[1], &offsets = saved[2], dy = grads[0].contiguous();
    Tensor dz = fresh(y.sizes(), y.options());
    AT_DISPATCH_FLOATING_TYPES(y.scalar_type(), "softmax", [&] {
      over_rows(offsets.size(0) - 1, 8 * y.numel(),
                SoftmaxGradient<scalar_t>{edges(offsets), Pattern::pointer<scalar_t>(counts), y.const_data_ptr<scalar_t>(), dy.const_data_ptr<scalar_t>(),
                                          y.size(1), dz.mutable_data_ptr<scalar_t>()});
    });
    return {dz, Tensor(), Tensor()};
  }
  static Edges edges(const Tensor& offsets) { return {offsets.const_data_ptr<int64_t>(), nullptr, nullptr}; }
};

std::optional<Tensor> optional(const Tensor* t) { return t ? std::optional<Tensor>(t->contiguous()) : std::nullopt; }

variable_list list(const Tensor* const* pattern) {
  variable_list all;
  for (int i = 0; i < 5; i++) all.push_back(pattern[i] ? *pattern[i] : Tensor());
  return all;
}

} // namespace

// Each returns null when it failed; `tachograph_failure` then says why. Pointers may be null where Pattern says so.
extern "C" {
const char* tachograph_failure() { return failure.c_str(); }

Tensor* tachograph_sum(const Tensor* x, const Tensor* weights, const Tensor* const* pattern) {
  return guarded([&] { return Sum::apply(x->contiguous(), optional(weights), list(pattern)); });
}

Tensor* tachograph_extremum(const Tensor* x, const Tensor* counts, double sign, const Tensor* const* pattern) {
  return guarded([&] { return Extremum::apply(x->contiguous(), optional(counts), sign, list(pattern)); });
}

Tensor* tachograph_softmax_sum(const Tensor* x, const Tensor* counts, double t, const Tensor* const* pattern) {
  return guarded([&] { return ChannelSoftmax::apply(x->contiguous(), optional(counts), t, list(pattern)); });
}

Tensor* tachograph_softmax(const Tensor* logits, const Tensor* counts, const Tensor* offsets) {
  return guarded([&] { return SegmentSoftmax::apply(logits->contiguous(), optional(counts), *offsets); });
}
}
