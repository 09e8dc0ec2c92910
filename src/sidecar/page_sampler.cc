#include "sidecar/page_sampler.h"

#include <algorithm>

namespace ciaos::sidecar {
namespace {

constexpr std::uint64_t kMapWantedMs = 30'000;
constexpr std::uint64_t kMapMs = 5000;

std::int64_t unix_ms(Clock& clock) {
  const Timestamp now = clock.now();
  return now.seconds * 1000 + now.nanoseconds / 1'000'000;
}

}  // namespace

PageSampler::PageSampler(Store& store, const Metrics& metrics, Clock& clock)
    : store_(store), metrics_(metrics), clock_(clock), began_ms_(unix_ms(clock)), thread_([this] {
        run();
      }) {}

PageSampler::~PageSampler() {
  {
    MutexLock lock(mutex_);
    stopping_ = true;
    wake_.notify_all();
  }
  thread_.join();
}

void PageSampler::run() {
  std::uint64_t due_ms = clock_.monotonic_ms();
  while (true) {
    const std::uint64_t now_ms = clock_.monotonic_ms();
    if (now_ms >= due_ms) {
      look();
      // In step with the clock, but without making up for what was missed.
      due_ms = std::max(due_ms + kSampleMs, clock_.monotonic_ms());
    }
    bool map = false;
    {
      MutexLock lock(mutex_);
      map = map_wanted_until_ms_ > now_ms && (map_asked_ms_ == 0 || map_asked_ms_ + kMapMs <= now_ms);
      if (map) map_asked_ms_ = now_ms;
    }
    auto asked = map ? ask_volumes() : Result<VolumeMap>(fail(EAGAIN));
    MutexLock lock(mutex_);
    if (map) map_ = asked.ok() ? std::optional(*std::move(asked)) : std::nullopt;
    if (stopping_) return;
    const bool wants_first = map_wanted_until_ms_ > now_ms && map_asked_ms_ == 0;
    const std::uint64_t then_ms = clock_.monotonic_ms();
    if (!wants_first && due_ms > then_ms) wake_.wait_for(mutex_, due_ms - then_ms);
    if (stopping_) return;
  }
}

void PageSampler::look() {
  PageLook look;
  std::string why;
  const auto client = store_.client();
  auto answer = client.ok() ? (*client)->ask({.name = "overview"}) : Result<rpc::Answer>(client.error());
  if (answer.ok()) {
    look.store = std::move(answer->records);
  } else if (answer.code() == EPERM || answer.code() == EOPNOTSUPP) {
    why = "The daemon is of an older version, which tells no figures.";
  } else {
    why = "The store's daemon does not answer.";
  }
  // Behind the answer, so that an interval is from answer to answer.
  look.monotonic_ms = clock_.monotonic_ms();
  look.unix_ms = unix_ms(clock_);
  look.http = metrics_.totals();
  const bool up = look.store.has_value();
  history_.add(std::move(look));
  MutexLock lock(mutex_);
  up_ = up;
  why_ = std::move(why);
}

Result<VolumeMap> PageSampler::ask_volumes() {
  const auto client = TRY(store_.client());
  VolumeMap map;
  rpc::Question question{.name = "volume-map"};
  for (bool more = true; more && !map.cut;) {
    rpc::Answer answer = TRY(client->ask(question));
    std::ranges::move(answer.records, std::back_inserter(map.volumes));
    more = answer.more;
    map.cut = more && map.volumes.size() >= kVolumesShown;
    question.from = answer.next;
  }
  map.at_ms = unix_ms(clock_);
  return map;
}

std::string PageSampler::figures(std::uint64_t since) const {
  std::string why;
  {
    MutexLock lock(mutex_);
    why = why_;
  }
  return figures_json(history_, since, began_ms_, why);
}

std::optional<VolumeMap> PageSampler::volumes() {
  const std::uint64_t now_ms = clock_.monotonic_ms();
  MutexLock lock(mutex_);
  if (map_wanted_until_ms_ <= now_ms) {
    // What is left of the last time may be an hour old.
    map_.reset();
    map_asked_ms_ = 0;
    wake_.notify_all();
  }
  map_wanted_until_ms_ = now_ms + kMapWantedMs;
  return map_;
}

bool PageSampler::is_up() const {
  MutexLock lock(mutex_);
  return up_;
}

}  // namespace ciaos::sidecar
