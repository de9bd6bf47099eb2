#include "dispatch/kernels.h"

#include <atomic>
#include <cstring>
#include <initializer_list>

namespace neuroloom {
namespace {

const KernelTables* best() {
  if (const KernelTables* tables = avx512Tables()) return tables;
  if (const KernelTables* tables = avx2Tables()) return tables;
  return baselineTables();
}

std::atomic<const KernelTables*>& current() {
  static std::atomic<const KernelTables*> tables{best()};
  return tables;
}

}  // namespace

const KernelTables& kernels() { return *current().load(); }

bool selectTables(const char* name) {
  for (const KernelTables* tables : {avx512Tables(), avx2Tables(), baselineTables()}) {
    if (tables != nullptr && std::strcmp(tables->name, name) == 0) {
      current().store(tables);
      return true;
    }
  }
  return false;
}

}  // namespace neuroloom
