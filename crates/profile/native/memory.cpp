// The statistics of libtorch's allocators, which tch does not bind.

#include <c10/core/CachingDeviceAllocator.h>

#include <cstdint>

namespace {

// Index 0 of a statistic counts the pools of small and of large blocks together.
const c10::CachingAllocator::Stat& allocated(const c10::CachingDeviceAllocator::DeviceStats& stats) {
  return stats.allocated_bytes[0];
}

template <typename Call>
int64_t guarded(Call call) {
  try {
    return call(*c10::getDeviceAllocator(c10::DeviceType::CUDA));
  } catch (...) {
    return -1;
  }
}

}  // namespace

// Bytes that tensors on a CUDA device hold now, from which the peak counts anew; -1 without such a device.
extern "C" int64_t tachograph_restart_peak(int8_t device) {
  return guarded([=](c10::DeviceAllocator& allocator) {
    allocator.resetPeakStats(device);
    return allocated(allocator.getDeviceStats(device)).current;
  });
}

// The most that they held since then.
extern "C" int64_t tachograph_peak(int8_t device) {
  return guarded([=](c10::DeviceAllocator& allocator) { return allocated(allocator.getDeviceStats(device)).peak; });
}
