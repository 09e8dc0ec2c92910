// std mutexes with clang's thread-safety annotations, so that "guarded by" is checked by the compiler.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <shared_mutex>

#if defined(__clang__)
#define CIAOS_TSA(x) __attribute__((x))
#else
#define CIAOS_TSA(x)
#endif
#define CIAOS_CAPABILITY CIAOS_TSA(capability("mutex"))
#define GUARDED_BY(x) CIAOS_TSA(guarded_by(x))
#define REQUIRES(...) CIAOS_TSA(requires_capability(__VA_ARGS__))
#define REQUIRES_SHARED(...) CIAOS_TSA(requires_shared_capability(__VA_ARGS__))
#define EXCLUDES(...) CIAOS_TSA(locks_excluded(__VA_ARGS__))
#define ACQUIRE(...) CIAOS_TSA(acquire_capability(__VA_ARGS__))
#define ACQUIRE_SHARED(...) CIAOS_TSA(acquire_shared_capability(__VA_ARGS__))
#define RELEASE(...) CIAOS_TSA(release_capability(__VA_ARGS__))
#define RELEASE_SHARED(...) CIAOS_TSA(release_shared_capability(__VA_ARGS__))
#define RELEASE_GENERIC(...) CIAOS_TSA(release_generic_capability(__VA_ARGS__))
#define SCOPED_CAPABILITY CIAOS_TSA(scoped_lockable)
#define NO_THREAD_SAFETY_ANALYSIS CIAOS_TSA(no_thread_safety_analysis)

namespace ciaos {

class CIAOS_CAPABILITY Mutex {
 public:
  void lock() ACQUIRE() { mutex_.lock(); }
  void unlock() RELEASE() { mutex_.unlock(); }
  std::mutex& native() { return mutex_; }

 private:
  std::mutex mutex_;
};

class CIAOS_CAPABILITY SharedMutex {
 public:
  void lock() ACQUIRE() { mutex_.lock(); }
  void unlock() RELEASE() { mutex_.unlock(); }
  void lock_shared() ACQUIRE_SHARED() { mutex_.lock_shared(); }
  void unlock_shared() RELEASE_SHARED() { mutex_.unlock_shared(); }

 private:
  std::shared_mutex mutex_;
};

class SCOPED_CAPABILITY MutexLock {
 public:
  explicit MutexLock(Mutex& mutex) ACQUIRE(mutex) : mutex_(mutex) { mutex_.lock(); }
  ~MutexLock() RELEASE() { mutex_.unlock(); }
  MutexLock(const MutexLock&) = delete;
  MutexLock& operator=(const MutexLock&) = delete;

 private:
  Mutex& mutex_;
};

class SCOPED_CAPABILITY WriterLock {
 public:
  explicit WriterLock(SharedMutex& mutex) ACQUIRE(mutex) : mutex_(mutex) { mutex_.lock(); }
  ~WriterLock() RELEASE() { mutex_.unlock(); }
  WriterLock(const WriterLock&) = delete;
  WriterLock& operator=(const WriterLock&) = delete;

 private:
  SharedMutex& mutex_;
};

class SCOPED_CAPABILITY ReaderLock {
 public:
  explicit ReaderLock(SharedMutex& mutex) ACQUIRE_SHARED(mutex) : mutex_(mutex) { mutex_.lock_shared(); }
  ~ReaderLock() RELEASE_GENERIC() { mutex_.unlock_shared(); }
  ReaderLock(const ReaderLock&) = delete;
  ReaderLock& operator=(const ReaderLock&) = delete;

 private:
  SharedMutex& mutex_;
};

// Waits release the mutex; callers loop over their predicate, so that the analysis sees the guarded reads.
class CondVar {
 public:
  void wait(Mutex& mutex) REQUIRES(mutex) {
    std::unique_lock<std::mutex> lock(mutex.native(), std::adopt_lock);
    condition_.wait(lock);
    lock.release();
  }
  // False when `timeout_ms` passed first.
  bool wait_for(Mutex& mutex, std::uint64_t timeout_ms) REQUIRES(mutex) {
    std::unique_lock<std::mutex> lock(mutex.native(), std::adopt_lock);
    const auto status = condition_.wait_for(lock, std::chrono::milliseconds(timeout_ms));
    lock.release();
    return status == std::cv_status::no_timeout;
  }
  void notify_one() { condition_.notify_one(); }
  void notify_all() { condition_.notify_all(); }

 private:
  std::condition_variable condition_;
};

}  // namespace ciaos
