#include "store/device.h"

#include <fmt/core.h>

#include <cstdlib>
#include <cstring>
#include <vector>

#include "store/format.h"
#include "store/uring.h"

namespace ciaos::store {

namespace {

const char* verb(IoRequest::Operation operation) {
  switch (operation) {
    case IoRequest::Operation::read: return "read";
    case IoRequest::Operation::write: return "write";
    case IoRequest::Operation::sync: return "sync";
  }
  return "?";
}

Status run_alone(IoRequest& request) {
  switch (request.operation) {
    case IoRequest::Operation::read: return request.device->read(request.offset, request.into);
    case IoRequest::Operation::write: return request.device->write(request.offset, request.from);
    case IoRequest::Operation::sync: return request.device->sync();
  }
  return fail(EINVAL);
}

Status step_for(const IoRequest& request, FdStep& step) {
  const Device& device = *request.device;
  step.fd = device.native_fd();
  step.offset = device.native_offset() + request.offset;
  step.alignment = device.alignment();
  switch (request.operation) {
    case IoRequest::Operation::read:
      step.operation = FdStep::Operation::read;
      step.data = request.into.data();
      step.bytes = request.into.size();
      return check_range(device, request.offset, step.bytes);
    case IoRequest::Operation::write:
      step.operation = FdStep::Operation::write;
      step.data = const_cast<std::byte*>(request.from.data());
      step.bytes = request.from.size();
      return check_range(device, request.offset, step.bytes);
    case IoRequest::Operation::sync: step.operation = FdStep::Operation::sync_data; return {};
  }
  return fail(EINVAL);
}

Status status_of(const IoRequest& request, const FdStep& step) {
  if (step.error == 0) return {};
  return fail(
      EIO, fmt::format("{}: {} at {}+{}: {}", request.device->name(), verb(request.operation), request.offset,
                       step.bytes, step.error == ENODATA ? "ends early" : std::strerror(step.error)));
}

}  // namespace

Status check_range(const Device& device, std::uint64_t offset, std::uint64_t bytes) {
  const std::uint64_t size = device.size();
  if (offset > size || bytes > size - offset) {
    return fail(EINVAL, fmt::format("{}: {}+{} is outside its {} bytes", device.name(), offset, bytes, size));
  }
  if ((offset | bytes) % device.alignment() != 0) {
    return fail(EINVAL, fmt::format("{}: {}+{} is off its alignment of {}", device.name(), offset, bytes,
                                    device.alignment()));
  }
  return {};
}

Status run_all(std::span<IoRequest> requests) {
  std::vector<FdStep> steps;
  std::vector<IoRequest*> owners;
  steps.reserve(requests.size());
  owners.reserve(requests.size());
  for (IoRequest& request : requests) {
    if (request.device->native_fd() < 0) {
      request.status = run_alone(request);
      continue;
    }
    FdStep step;
    request.status = step_for(request, step);
    if (!request.status.ok()) continue;
    steps.push_back(step);
    owners.push_back(&request);
  }
  run_steps(steps);
  for (std::size_t i = 0; i < steps.size(); ++i) owners[i]->status = status_of(*owners[i], steps[i]);
  for (const IoRequest& request : requests) {
    if (!request.status.ok()) return request.status;
  }
  return {};
}

IoBuffer::IoBuffer(std::size_t bytes) : bytes_(bytes) {
  if (bytes == 0) return;
  const std::size_t allocated = align_up(bytes, kBlockBytes);
  data_.reset(static_cast<std::byte*>(std::aligned_alloc(kBlockBytes, allocated)));
  CIAOS_ASSERT(data_ != nullptr);
  std::memset(data_.get(), 0, allocated);
}

void IoBuffer::Free::operator()(std::byte* p) const { std::free(p); }

}  // namespace ciaos::store
