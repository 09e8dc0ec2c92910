// What operations took, as records: "operation" with name, count, nanoseconds, bytes and the buckets that are not empty.
#pragma once

#include <string>

#include "base/operation_times.h"
#include "rpc/record.h"

namespace ciaos::rpc {

Record operation_record(const std::string& name, const OperationTotals& totals);
// Nothing for a record of another kind; buckets that no operation_record() would write are passed over.
OperationTotals totals_of(const Record& record);

}  // namespace ciaos::rpc
