"""wavetrain for Spack (0.23 or later), built from the last commit of the clone that this file stands in."""
import os

from spack.package import *

try:  # since Spack 1.0 build systems are part of the package repository
    from spack_repo.builtin.build_systems.cmake import CMakePackage
except ImportError:
    pass

CLONE = os.path.abspath(os.path.join(os.path.dirname(__file__), *[os.pardir] * 4))


class Wavetrain(CMakePackage):
    """Trains WaveNets, networks of dilated causal convolutions on audio, text or any 1-D signal, on CPU clusters with
    MPI and OpenMP, with the same parameters, bit for bit, on any number of ranks and threads."""

    git = "file://" + CLONE

    license("Apache-2.0")

    version("main", branch="main")

    variant("audio", default=True, description="Read sound files, and resample them")
    variant("plot", default=True, description="wavetrain plot")
    variant("nam", default=True, description="Neural Amp Modeler's files")
    variant("onnx", default=True, description="Networks as ONNX graphs")
    variant("shared", default=False, description="A shared library for other programs, in place of a static one")

    depends_on("c", type="build")
    depends_on("cmake@3.21:", type="build")
    depends_on("ninja", type="build")
    depends_on("pkgconfig", type="build")

    depends_on("openmpi")
    depends_on("openblas")
    depends_on("hdf5")
    depends_on("libyaml")
    depends_on("xxhash@0.8:")
    depends_on("popt")
    depends_on("random123", type="build")
    depends_on("libsndfile+external-libs", when="+audio")
    depends_on("soxr", when="+audio")
    depends_on("jansson", when="+nam")
    depends_on("protobuf-c", when="+onnx")
    depends_on("fftw@3:", when="+audio")
    depends_on("plplot+pango", when="+plot")

    generator("ninja")

    def cmake_args(self):
        return [
            self.define("WT_TESTS", False),
            self.define_from_variant("WT_AUDIO", "audio"),
            self.define_from_variant("WT_FFT", "audio"),
            self.define_from_variant("WT_PLOT", "plot"),
            self.define_from_variant("WT_NAM", "nam"),
            self.define_from_variant("WT_ONNX", "onnx"),
            self.define_from_variant("BUILD_SHARED_LIBS", "shared"),
        ]

    def test_start(self):
        """the program starts"""
        which(self.prefix.bin.wavetrain)("--version")
