/** Page encodings: XBZRLE, zlib and zstd. Pure functions on bytes; knows nothing of sockets. */
@org.jspecify.annotations.NullMarked
module dev.godwit.codec {
    requires static org.jspecify;
    requires transitive dev.godwit.ram;
    requires com.github.luben.zstd_jni;

    exports dev.godwit.codec;
}
