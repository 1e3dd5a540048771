// What every function of the C interface shares.
#pragma once

#include <ATen/core/Tensor.h>

#include <string>

namespace tachograph {

// Why the last call of this thread failed.
inline thread_local std::string failure;

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
