// What every function of the C interface shares.
#pragma once

#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>

#include <string>

#ifdef __linux__
#include <sys/mman.h>
#endif

namespace tachograph {

// Why the last call of this thread failed.
inline thread_local std::string failure;

// A tensor of this shape whose pages, if it has many, are huge where the system lets programs ask for that: its first
// writing then costs a fraction.
inline at::Tensor fresh(at::IntArrayRef shape, const at::TensorOptions& options) {
  at::Tensor t = at::empty(shape, options);
#ifdef __linux__
  constexpr uintptr_t page = 4096;
  if (t.nbytes() >= 4 << 20) {
    const uintptr_t start = (reinterpret_cast<uintptr_t>(t.mutable_data_ptr()) + page - 1) / page * page;
    const uintptr_t end = (reinterpret_cast<uintptr_t>(t.mutable_data_ptr()) + t.nbytes()) / page * page;
    madvise(reinterpret_cast<void*>(start), end - start, MADV_HUGEPAGE);
  }
#endif
  return t;
}

// A new tensor, or null after an exception.
template <class F>
at::Tensor* guarded(F f) {
  try {
    return new at::Tensor(f());
  } catch (const c10::Error& e) {
    failure = e.what_without_backtrace();
  } catch (const std::exception& e) {
    failure = e.what();
  } catch (...) {
    failure = "unknown exception";
  }
  return nullptr;
}

} // namespace tachograph
