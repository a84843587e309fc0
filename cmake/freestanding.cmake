# SPDX-License-Identifier: Apache-2.0
# How C++ is compiled where there is no operating system: the image, and the test of core's headers.
set(XENPP_FREESTANDING_OPTIONS
  -ffreestanding -fno-exceptions -fno-rtti -fno-threadsafe-statics -fno-use-cxa-atexit
  -fno-asynchronous-unwind-tables -fno-stack-protector -mno-sse -mno-mmx -msoft-float
  -fno-jump-tables -Wframe-larger-than=8192 -Wvla -O2)
set(XENPP_FREESTANDING_CODE_OPTIONS
  -fpie -fvisibility=hidden -fcf-protection=none -mno-red-zone -mcmodel=small
  -ffunction-sections -fdata-sections)
