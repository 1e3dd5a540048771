// A backward pass that says when each gradient is whole, which libtorch's C++ can and `tch` does not pass on.

#include <torch/csrc/autograd/function_hook.h>
#include <torch/csrc/autograd/variable.h>

#include <memory>
#include <vector>

#include "interface.h"

namespace {

using namespace tachograph;
using at::Tensor;
namespace impl = torch::autograd::impl;

// Told a position and what the caller gave beside the function.
using Ready = void (*)(void*, int64_t);

struct Notice : torch::autograd::PostAccumulateGradHook {
  Ready ready;
  void* context;
  int64_t position;

  Notice(Ready ready, void* context, int64_t position) : ready(ready), context(context), position(position) {}
  void operator()(const Tensor&) override { ready(context, position); }
};

// Notices at parameters, for as long as this lives.
struct Notices {
  std::vector<Tensor> parameters;

  Notices(const Tensor* const* given, int64_t count, Ready ready, void* context) {
    for (int64_t i = 0; i < count; i++) {
      parameters.push_back(*given[i]);
      impl::set_post_acc_grad_hooks(*given[i], std::make_unique<Notice>(ready, context, i));
    }
  }
  ~Notices() {
    for (const Tensor& parameter : parameters) impl::set_post_acc_grad_hooks(parameter, nullptr);
  }
};

} // namespace

extern "C" Tensor* tachograph_backward(const Tensor* loss, const Tensor* const* parameters, int64_t count, Ready ready, void* context) {
  return guarded([&] {
    Notices notices(parameters, count, ready, context);
    loss->backward();
    return Tensor();
  });
}
