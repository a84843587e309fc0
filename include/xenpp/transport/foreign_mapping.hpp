// SPDX-License-Identifier: Apache-2.0
// Pages of another domain, mapped here.
#pragma once

#include <xenpp/base/strong.hpp>
#include <xenpp/os/mapping.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

namespace xenpp::transport {

/// Who keeps the references behind a mapping, and drops them.
class mapping_keeper {
public:
    virtual void unmap(std::uint32_t mapping) noexcept = 0;

protected:
    ~mapping_keeper() = default;
};

/// Contiguous here, wherever the frames are. The frames stay what they are, also if the domain
/// gives them up, until this object goes; the connection must live longer. The domain writes too,
/// whenever it likes: read once, then believe your copy.
class foreign_mapping {
public:
    foreign_mapping() noexcept = default;

    foreign_mapping(mapping_keeper& keeper, std::uint32_t number, os::mapping pages) noexcept
        : keeper_(&keeper), number_(number), pages_(std::move(pages)) {}

    foreign_mapping(foreign_mapping&& o) noexcept
        : keeper_(std::exchange(o.keeper_, nullptr))
        , number_(o.number_)
        , pages_(std::move(o.pages_)) {}

    foreign_mapping& operator=(foreign_mapping&& o) noexcept {
        std::swap(keeper_, o.keeper_);
        std::swap(number_, o.number_);
        std::swap(pages_, o.pages_);
        return *this;
    }

    foreign_mapping(foreign_mapping const&) = delete;
    foreign_mapping& operator=(foreign_mapping const&) = delete;

    ~foreign_mapping() {
        pages_ = os::mapping(); // first out of reach, then given back
        if (keeper_ != nullptr) {
            keeper_->unmap(number_);
        }
    }

    std::byte* data() const noexcept { return pages_.data(); }

    std::size_t size() const noexcept { return pages_.size(); }

    std::span<std::byte> bytes() const noexcept { return {data(), size()}; }

    explicit operator bool() const noexcept { return keeper_ != nullptr; }

private:
    mapping_keeper* keeper_ = nullptr;
    std::uint32_t number_ = 0;
    os::mapping pages_;
};

} // namespace xenpp::transport
