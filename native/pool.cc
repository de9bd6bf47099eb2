#include "pool.h"

#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

namespace neuroloom {
namespace {

class Pool {
 public:
  explicit Pool(int size) : size_(size) {
    try {
      for (int i = 1; i < size; i++) workers_.emplace_back([this, i] { work(i); });
    } catch (...) {
      shutDown();
      throw;
    }
  }
  ~Pool() { shutDown(); }
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;

  int size() const { return size_; }

  void run(int parts, void (*task)(void*, int), void* context) {
    {
      std::lock_guard<std::mutex> lock(mutex_);
      task_ = task;
      context_ = context;
      parts_ = parts;
      pending_ = parts - 1;
      round_++;
    }
    start_.notify_all();
    task(context, 0);
    std::unique_lock<std::mutex> lock(mutex_);
    done_.wait(lock, [this] { return pending_ == 0; });
  }

 private:
  void shutDown() {
    {
      std::lock_guard<std::mutex> lock(mutex_);
      stop_ = true;
    }
    start_.notify_all();
    for (std::thread& worker : workers_) worker.join();
  }

  void work(int index) {
    unsigned long seen = 0;
    std::unique_lock<std::mutex> lock(mutex_);
    for (;;) {
      start_.wait(lock, [&] { return stop_ || round_ != seen; });
      if (stop_) return;
      seen = round_;
      if (index >= parts_) continue;
      const auto task = task_;
      void* const context = context_;
      lock.unlock();
      task(context, index);
      lock.lock();
      if (--pending_ == 0) done_.notify_one();
    }
  }

  const int size_;
  std::mutex mutex_;
  std::condition_variable start_, done_;
  void (*task_)(void*, int) = nullptr;
  void* context_ = nullptr;
  int parts_ = 0, pending_ = 0;
  unsigned long round_ = 0;
  bool stop_ = false;
  std::vector<std::thread> workers_;
};

int requested = 1;
// Never destroyed at exit: its threads sleep and end with the process.
Pool* pool = nullptr;

}  // namespace

void setThreads(int threads) {
  if (threads == requested) return;
  delete pool;
  pool = nullptr;
  requested = threads;
}

int threads() { return requested; }

void runParts(int parts, void (*task)(void*, int), void* context) {
  if (pool == nullptr) pool = new Pool(requested);
  pool->run(parts, task, context);
}

}  // namespace neuroloom
