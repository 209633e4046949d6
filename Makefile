# Two commands for a newcomer: `make demo` trains a network on real images, `make check` runs the
# tests. Each installs what it needs first. Everything else is CMake's: see CMakePresets.json.

PRESET ?= release
JOBS ?= $(shell nproc)
BUILD = build/$(PRESET)
GRADUS = $(BUILD)/gradus

# Debian packages: to build with every part, to test, and the data of the demo.
BUILD_PACKAGES = gcc make cmake pkg-config libc6-dev libdnnl-dev zlib1g-dev libpng-dev libjpeg-dev \
	libcairo2-dev libgraphviz-dev libflann-dev libcurl4-openssl-dev libarchive-dev
CHECK_PACKAGES = libcmocka-dev locales
DATA_PACKAGES = dataset-fashion-mnist
DEB_PACKAGES = debhelper dpkg-dev lintian git xz-utils
DOCS_PACKAGES = doxygen python3
CI_PACKAGES = clang g++ clang-format python3 binutils universal-ctags valgrind strace openssl \
	abigail-tools clang-tidy cppcheck $(DOCS_PACKAGES)
PACKAGES = $(BUILD_PACKAGES) $(CHECK_PACKAGES) $(DATA_PACKAGES)

# The demo's training: about 0.917 of the test pictures right after a minute of one core.
DEMO = $(GRADUS) train --data fashion-mnist --net nets/demo.net --epochs 6 --rate 0.002 \
	--warmup 1000 --schedule cosine --validation 0.05 --out fashion.safetensors --curves curves.svg

# Where make install puts it, below DESTDIR if that is given.
PREFIX ?= /usr/local

# Make's own remarks on the folders that it works in say nothing here.
MAKEFLAGS += --no-print-directory

.PHONY: all deps deps-ci configure build parts demo check check-long install docs amalgamation dist deb clean

all: build

# Installs the packages that are missing, and says which. Does nothing where none is.
deps:
	@scripts/install-packages $(PACKAGES)

# What .ci/run wants beyond that.
deps-ci:
	@scripts/install-packages $(CI_PACKAGES)

configure: deps
	cmake --preset $(PRESET) -DCMAKE_INSTALL_PREFIX=$(PREFIX) $(CMAKE_OPTIONS)

build: configure
	cmake --build --preset $(PRESET) --parallel $(JOBS)

# What is installed, without the tests and examples: half of the time.
parts: configure
	cmake --build --preset $(PRESET) --target gradus_parts --parallel $(JOBS)

demo: parts
	$(DEMO)
	$(GRADUS) data fashion-mnist --example 0 --out picture.png
	$(GRADUS) predict fashion.safetensors picture.png

check: build
	ctest --preset $(PRESET) --label-exclude slow --parallel $(JOBS)

check-long: build
	ctest --preset $(PRESET) --parallel $(JOBS)

install: parts
	DESTDIR=$(DESTDIR) cmake --install $(BUILD)
	@# so that programs find the shared library, where this is the system's
	@if [ -z "$(DESTDIR)" ] && [ "$$(id -u)" -eq 0 ]; then PATH=$$PATH:/sbin:/usr/sbin ldconfig; fi

# The guides and the reference as a site, build/docs/html/index.html.
docs:
	@scripts/install-packages $(DOCS_PACKAGES)
	scripts/make-docs build/docs

# The library as gradus.c and gradus.h.
amalgamation:
	scripts/amalgamate build/amalgamation

# The committed tree as a source archive; Debian packages of it.
dist:
	scripts/make-dist

deb:
	@scripts/install-packages $(BUILD_PACKAGES) $(DEB_PACKAGES)
	scripts/make-deb

clean:
	rm -rf build
